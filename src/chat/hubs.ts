import type { Bus } from "../channels/mod.ts";
import { isUnavailable } from "../db/errors.ts";
import type { Pool } from "../db/pool.ts";
import { GapPatience } from "./gap_patience.ts";
import { decodeHint, encodeHint, historyTag, LOG_TOPIC } from "./hint.ts";
import { Hub, type HubContext } from "./hub.ts";
import { loadAccess } from "./policy.ts";
import type { RoomLog } from "./room_log.ts";
import type { Run } from "./run.ts";

/** What {@linkcode Hubs} are made of. */
export interface HubsOptions {
  readonly log: RoomLog;
  readonly readers: Pool;
  readonly bus: Bus;
  readonly defer: HubContext["defer"];
  readonly onError: HubContext["onError"];
}

/** While hints arrive, the sweep only mends what was lost. */
export const SWEEP_INTERVAL_MS = 5_000;
/** While the listener is down, the sweep is how chat goes on. */
export const SWEEP_INTERVAL_DEAF_MS = 250;
/** A hub without a socket is let go after this. */
export const IDLE_HUB_MS = 30_000;

/**
 * The hubs of one instance: finds a room's hub, tells and hears hints, and sweeps.
 *
 * The sweep compares all hubs with the database in one statement. It is what makes every hint
 * expendable: a lost one costs at most an interval.
 */
export class Hubs implements AsyncDisposable {
  readonly #options: HubsOptions;
  readonly #hubs = new Map<number, Hub>();
  readonly #context: HubContext;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweeping: Promise<void> | null = null;
  #sweepAgain = false;
  /** The history published last, and its tag. */
  #published = { history: "", tag: historyTag("") };
  /** Of the history that was asked after last because a hub did not know it. */
  #unknownTag: number | undefined;

  constructor(options: HubsOptions) {
    this.#options = options;
    const { bus, log } = options;
    const patience = new GapPatience();
    this.#context = {
      read: (roomId, after) => log.read(roomId, after),
      gapWaitMs: (waitedMs) => bus.health().listening ? patience.waitMs(waitedMs) : 0,
      defer: options.defer,
      onError: options.onError,
    };
    const { signal } = this.#stop;
    bus.subscribe(LOG_TOPIC, (bytes) => this.#hear(bytes), { signal });
    // After each LISTEN has committed: what was said before it was not heard.
    bus.onDoubt(() => void this.sweep(), { signal });
    this.#schedule();
  }

  get size(): number {
    return this.#hubs.size;
  }

  [Symbol.iterator](): IterableIterator<Hub> {
    return this.#hubs.values();
  }

  /** The hub of a room, made when there is none; it collects hints from now on. */
  get(roomId: number): Hub {
    let hub = this.#hubs.get(roomId);
    if (hub === undefined) {
      hub = new Hub(roomId, this.#context);
      this.#hubs.set(roomId, hub);
    }
    return hub;
  }

  find(roomId: number): Hub | undefined {
    return this.#hubs.get(roomId);
  }

  /**
   * Delivers what this instance committed, and tells the others.
   *
   * @param history the one that the log was in when it was committed
   */
  publish(roomId: number, runs: readonly Run[], history: string): void {
    const { bus } = this.#options;
    if (this.#published.history !== history) {
      this.#published = { history, tag: historyTag(history) };
    }
    const { tag } = this.#published;
    const hub = this.#hubs.get(roomId);
    for (const run of runs) {
      if (hub !== undefined) this.#offer(hub, run, tag);
      bus.publish(LOG_TOPIC, encodeHint(tag, roomId, run, bus.inlineLimit));
    }
  }

  /** Loads the rights of a room and of whoever is in it, or about to be. */
  async refreshAccess(roomId: number, entering: readonly string[] = []): Promise<void> {
    const hub = this.#hubs.get(roomId);
    if (hub === undefined) return;
    const users = new Set(entering);
    for (const { userId } of hub.members) users.add(userId);
    const loaded = await loadAccess(this.#options.readers, roomId, [...users]);
    if (loaded === null) this.#remove(hub, true);
    else hub.setAccess(loaded.access, loaded.roles, users);
  }

  /** Compares all hubs with the database now; one sweep at a time. */
  sweep(): Promise<void> {
    if (this.#sweeping !== null) {
      this.#sweepAgain = true;
      return this.#sweeping;
    }
    return this.#sweeping = this.#sweep().catch((error) => {
      this.#unknownTag = undefined;
      if (!isUnavailable(error)) this.#options.onError("Cannot sweep", error);
    }).finally(() => {
      this.#sweeping = null;
      if (this.#sweepAgain && !this.#stop.signal.aborted) {
        this.#sweepAgain = false;
        void this.sweep();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#sweepAgain = false;
    await this.#sweeping;
    for (const hub of this.#hubs.values()) hub.close();
  }

  #schedule(): void {
    const { bus } = this.#options;
    const interval = bus.health().listening ? SWEEP_INTERVAL_MS : SWEEP_INTERVAL_DEAF_MS;
    // Jittered, so that instances started together do not sweep together.
    this.#timer = setTimeout(async () => {
      await this.sweep();
      if (!this.#stop.signal.aborted) this.#schedule();
    }, interval * (0.9 + Math.random() * 0.1));
  }

  #hear(bytes: Uint8Array): void {
    const hint = decodeHint(bytes);
    if (hint === null) return;
    const hub = this.#hubs.get(hint.roomId);
    if (hub === undefined) return;
    if (hint.run === null) hub.catchUp(hint.to);
    else this.#offer(hub, hint.run, hint.tag);
  }

  #offer(hub: Hub, run: Run, tag: number): void {
    if (hub.offer(run, tag) || tag === this.#unknownTag) return;
    // A new history, or one that is over and was told late: the database says which. Asked once,
    // since what is told late may be much.
    this.#unknownTag = tag;
    void this.sweep();
  }

  async #sweep(): Promise<void> {
    this.#letGoIdle();
    const open = [...this.#hubs.values()].filter((hub) => hub.position >= 0);
    if (open.length === 0) return;
    const { history, differing } = await this.#options.log.heads(
      open.map(({ roomId, position, access }) => ({
        roomId,
        position,
        accessVersion: access.accessVersion,
      })),
    );
    if (await this.#wentBack(open, history, differing)) return;
    for (const head of differing) {
      const hub = this.#hubs.get(head.roomId);
      if (hub === undefined) continue;
      if (head.position === null) {
        this.#remove(hub, true);
        continue;
      }
      hub.catchUp(head.position);
      if (head.accessVersion !== hub.access.accessVersion) await this.refreshAccess(head.roomId);
    }
  }

  /** Whether positions have changed their meaning; then everybody was told. */
  async #wentBack(
    open: readonly Hub[],
    history: string,
    differing: readonly { roomId: number; position: number | null }[],
  ): Promise<boolean> {
    const { log } = this.#options;
    const stale = open.filter((hub) => hub.history !== history);
    // A head can be behind a hub only when the hub moved on during the sweep, or the database was
    // put back: read once more, now that the hub's own position is known to be older.
    const behind = differing.filter((head) => {
      const hub = this.#hubs.get(head.roomId);
      return hub !== undefined && hub.history === history && head.position !== null &&
        head.position < hub.position;
    });
    if (stale.length === 0 && behind.length === 0) return false;
    if (stale.length === 0) {
      const positions = new Map(
        behind.map(({ roomId }) => [roomId, this.#hubs.get(roomId)!.position]),
      );
      const again = await log.heads(
        [...positions].map(([roomId, position]) => ({ roomId, position, accessVersion: -1 })),
      );
      const lost = again.differing.some(({ roomId, position }) =>
        position !== null && position < positions.get(roomId)!
      );
      if (!lost) return false;
      await log.beginNewHistory(history);
    }
    const now = await log.heads(
      [...this.#hubs.values()].map(({ roomId }) => ({ roomId, position: -1, accessVersion: -1 })),
    );
    for (const { roomId, position } of now.differing) {
      const hub = this.#hubs.get(roomId);
      if (hub === undefined || hub.history === now.history) continue;
      if (position === null) this.#remove(hub, true);
      else hub.restart("epoch", now.history, position);
    }
    return true;
  }

  #letGoIdle(): void {
    const now = performance.now();
    for (const hub of this.#hubs.values()) {
      if (hub.members.size === 0 && now - hub.idleSince > IDLE_HUB_MS) this.#remove(hub, false);
    }
  }

  #remove(hub: Hub, deleted: boolean): void {
    if (this.#hubs.get(hub.roomId) === hub) this.#hubs.delete(hub.roomId);
    if (deleted) hub.delete();
    else hub.close();
  }
}
