import { errorCode, isUnavailable } from "../db/errors.ts";
import type { Pool } from "../db/pool.ts";
import type { ErrorCode } from "../protocol/codes.ts";
import { type Append, storedEntry, toResult } from "./append.ts";
import { AppendQueue, type QueuedAppend } from "./append_queue.ts";
import type { Entry } from "./entry.ts";
import { ParkedRooms } from "./parked_rooms.ts";
import type { AppendRow, RoomLog } from "./room_log.ts";
import { type Run, toRuns } from "./run.ts";

/** Decides again on messages whose room's rights have changed since they were allowed. */
export type Recheck = (
  roomId: number,
  senders: readonly string[],
) => Promise<{ accessVersion: number; refusals: ReadonlyMap<string, ErrorCode> } | null>;

/** What a {@linkcode Writer} is made of. */
export interface WriterOptions {
  readonly log: RoomLog;
  /** One connection that nothing else uses. */
  readonly pool: Pool;
  /** Told what was committed, before its senders are: own hub and other instances. */
  readonly onStored: (roomId: number, runs: readonly Run[], history: string) => void;
  readonly recheck: Recheck;
  /** Told what should not happen. */
  readonly onError: (message: string, error: unknown) => void;
}

/** A batch: at most this many messages … */
export const BATCH_MAX_MESSAGES = 500;
/** … and about this many bytes of text. */
export const BATCH_MAX_BYTES = 1024 * 1024;
/** Nothing waits longer than this: then `busy` (not stored) or `unknown` (was in flight). */
export const MAX_WAIT_MS = 10_000;

/**
 * While several messages come at a time, batches begin this far apart, unless enough wait: a batch
 * costs the database as much as some ten messages in it.
 */
const BUSY_PACE_MS = 15;
/**
 * A database under load takes longer for a batch. Where that is not only the way to it, since the
 * batch was one of many messages, the next one begins three times as long after it began: meanwhile
 * the rooms' rows are free for other instances, and larger batches are the cure …
 */
const BUSY_BATCH = 20;
const BUSY_PACE_TIMES = 3;
/** … up to here, since somebody waits. */
const BUSY_PACE_MAX_MS = 40;
const BUSY_ENOUGH = 200;

const RETRY_DELAY_MS = 100;
const CLOSE_LOOK_MS = 50;

/**
 * Puts messages into the room log, one batch in flight at a time.
 *
 * A message that finds the writer idle is a batch at once; what arrives while a batch commits is the
 * next batch, so batches grow the busier it gets. A batch ends in one of these ways:
 *
 * - committed: every item has its row; delivered, hinted, then acknowledged;
 * - connection lost or no answer, serialization failure, deadlock: sent again as a whole with the
 *   same ids until its oldest message has waited {@linkcode MAX_WAIT_MS}; what was stored after
 *   all comes back as duplicates;
 * - a room stayed locked (55P03): the locked rooms are found with `skip locked` and **parked**
 *   with everything that arrives for them; the others go on at once. A parked room is looked at
 *   every 100 ms without waiting for its lock, and goes back to the front when it is free;
 * - a right has changed since the policy saw it: the room is parked while the policy decides anew;
 * - poisoned (class 22, 23, or 57014): halved until the culprit stands alone and fails.
 *
 * A room's messages stay in order through all of it: while a room is parked, its later messages
 * wait behind the earlier ones.
 */
export class Writer implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #queue = new AppendQueue();
  readonly #parked: ParkedRooms;
  #running: Promise<void> | null = null;
  #closing = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#parked = new ParkedRooms({
      pool: options.pool,
      refuseLate: (waiting, now) => this.#refuseLate(waiting, now),
      onFree: (items) => {
        this.#queue.unshift(items);
        if (this.#queue.size > 0) this.#wake();
      },
    });
  }

  /** Messages that wait or are in flight. */
  get size(): number {
    return this.#queue.size + this.#parked.messages;
  }

  /** Takes a message, or settles it as `busy` at once when the queue is full. */
  enqueue(append: Append): void {
    if (this.#closing) {
      append.settle({ stored: false, code: "going_away" });
      return;
    }
    if (!this.#queue.push(append, performance.now() + MAX_WAIT_MS)) {
      append.settle({ stored: false, code: "busy" });
      return;
    }
    this.#wake();
  }

  /** Stores what is queued, then stops. What cannot be stored in time is settled as `busy`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    while (this.#running !== null || this.#parked.size > 0) {
      if (this.#running !== null) await this.#running;
      else await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
    }
    this.#parked[Symbol.dispose]();
  }

  #wake(): void {
    if (this.#running !== null) return;
    this.#running = this.#run().catch((error) => {
      this.#options.onError("The writer's loop failed", error);
    }).finally(() => {
      this.#running = null;
      if (this.#queue.size > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // What else arrives in this turn belongs to the first batch.
    await Promise.resolve();
    while (this.#queue.size > 0) {
      const startedAt = performance.now();
      const batch = this.#take();
      if (batch.length === 0) continue;
      await this.#store(batch);
      const took = performance.now() - startedAt;
      const times = batch.length < BUSY_BATCH ? 1 : BUSY_PACE_TIMES;
      const rest = Math.min(Math.max(BUSY_PACE_MS, times * took), BUSY_PACE_MAX_MS) - took;
      if (batch.length > 1 && this.#queue.size < BUSY_ENOUGH && rest > 1) {
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    }
  }

  /** The next batch; settles what has waited too long and sets aside what belongs to parked rooms. */
  #take(): QueuedAppend[] {
    const now = performance.now();
    const batch: QueuedAppend[] = [];
    const versions = new Map<number, number>();
    let mixed = false;
    let bytes = 0;
    while (batch.length < BATCH_MAX_MESSAGES) {
      const next = this.#queue.peek();
      if (next === undefined) break;
      if (batch.length > 0 && bytes + next.bytes > BATCH_MAX_BYTES) break;
      this.#queue.shift();
      const { append } = next;
      if (this.#refuseLate(next, now)) continue;
      if (this.#parked.join(next)) continue;
      const { accessVersion } = append;
      const known = versions.get(append.roomId);
      if (known !== undefined && known !== accessVersion) mixed = true;
      if (known === undefined || known > accessVersion) versions.set(append.roomId, accessVersion);
      bytes += next.bytes;
      batch.push(next);
    }
    if (mixed) {
      // Allowed before and after a change of rights: if the earlier ones go back to the policy, the
      // later ones must not overtake them.
      for (const { append } of batch) append.accessVersion = versions.get(append.roomId)!;
    }
    return batch;
  }

  /** Settles or drops what must not be stored any more; says whether it did. */
  #refuseLate({ append, deadline }: QueuedAppend, now: number): boolean {
    if (append.origin !== undefined) {
      if (append.origin.closed) return true;
      if (!append.origin.accepts(append)) {
        append.settle({ stored: false, code: "out_of_order" });
        return true;
      }
    }
    if (deadline > now) return false;
    append.settle({ stored: false, code: "busy" });
    return true;
  }

  async #store(batch: QueuedAppend[]): Promise<void> {
    const { log, pool } = this.#options;
    const deadline = Math.min(...batch.map((waiting) => waiting.deadline));
    let inDoubt = false;
    for (;;) {
      batch = this.#joinParked(batch);
      if (batch.length === 0) return;
      try {
        const timeoutMs = Math.max(1, deadline - performance.now());
        const rows = await log.append(pool, batch.map(toAppend), { timeoutMs });
        this.#settle(batch, rows);
        return;
      } catch (error) {
        const code = errorCode(error);
        if (code === LOCK_NOT_AVAILABLE) {
          batch = await this.#park(batch);
        } else if (isUnavailable(error) || code === SERIALIZATION || code === DEADLOCK) {
          inDoubt ||= !NEVER_SENT.has(code);
          if (performance.now() + RETRY_DELAY_MS >= deadline) {
            this.#fail(batch, inDoubt ? "unknown" : "busy");
            return;
          }
          await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
          // A socket may have closed, but what was in flight may be stored: it stays.
          if (!inDoubt) batch = batch.filter(({ append }) => append.origin?.closed !== true);
        } else if (/^(22|23)...$|^57014$/.test(code) && batch.length > 1) {
          const middle = batch.length >> 1;
          await this.#store(batch.slice(0, middle));
          await this.#store(batch.slice(middle));
          return;
        } else {
          this.#options.onError("Cannot append a batch", error);
          this.#fail(batch, code === QUERY_CANCELED ? "busy" : "internal");
          return;
        }
      }
    }
  }

  /** A half of a batch may have parked a room that the other half writes to, too. */
  #joinParked(batch: QueuedAppend[]): QueuedAppend[] {
    if (this.#parked.size === 0) return batch;
    return batch.filter((waiting) => !this.#parked.join(waiting));
  }

  #settle(batch: readonly QueuedAppend[], rows: readonly AppendRow[]): void {
    if (rows.length !== batch.length) {
      this.#options.onError("Cannot match a batch", new Error(`${rows.length} rows`));
      this.#fail(batch, "unknown");
      return;
    }
    const entries = new Map<number, Entry[]>();
    const bounced: QueuedAppend[] = [];
    for (let i = 0; i < batch.length; i++) {
      const { append } = batch[i]!;
      const row = rows[i]!;
      if (row.outcome === "access_changed") bounced.push(batch[i]!);
      const entry = storedEntry(append, row);
      if (entry === null) continue;
      const ofRoom = entries.get(append.roomId);
      if (ofRoom === undefined) entries.set(append.roomId, [entry]);
      else ofRoom.push(entry);
    }
    const history = rows[0]!.history!;
    for (const [roomId, ofRoom] of entries) {
      this.#options.onStored(roomId, toRuns(ofRoom.sort(byPosition)), history);
    }
    for (let i = 0; i < batch.length; i++) {
      const row = rows[i]!;
      if (row.outcome !== "access_changed") batch[i]!.append.settle(toResult(row));
    }
    if (bounced.length > 0) this.#bounce(bounced);
  }

  #fail(batch: readonly QueuedAppend[], code: ErrorCode): void {
    for (const { append } of batch) append.settle({ stored: false, code });
  }

  /** Parks the batch's rooms that somebody has locked; returns what can be sent again at once. */
  async #park(batch: readonly QueuedAppend[]): Promise<QueuedAppend[]> {
    const free = await this.#parked.free(new Set(batch.map(({ append }) => append.roomId)));
    const rest: QueuedAppend[] = [];
    for (const waiting of batch) {
      const { roomId } = waiting.append;
      if (free.has(roomId)) rest.push(waiting);
      else this.#parked.setAside(roomId, "lock", [waiting]);
    }
    return rest;
  }

  #bounce(bounced: readonly QueuedAppend[]): void {
    const rooms = Map.groupBy(bounced, ({ append }) => append.roomId);
    for (const [roomId, items] of rooms) {
      this.#parked.setAside(roomId, "policy", items);
      void this.#decideAnew(roomId);
    }
  }

  async #decideAnew(roomId: number): Promise<void> {
    const senders = () => new Set(this.#parked.items(roomId).map(({ append }) => append.sender.id));
    let verdict: Awaited<ReturnType<Recheck>> | undefined;
    while (verdict === undefined) {
      try {
        const asked = senders();
        verdict = await this.#options.recheck(roomId, [...asked]);
        // Somebody else may have joined the wait meanwhile: nobody goes on unasked.
        if ([...senders()].some((sender) => !asked.has(sender))) verdict = undefined;
      } catch (error) {
        if (!isUnavailable(error)) this.#options.onError("Cannot decide on a right anew", error);
        if (!this.#parked.expire(roomId)) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
    const { accessVersion, refusals } = verdict ?? { accessVersion: 0, refusals: null };
    this.#parked.release(roomId, (items) =>
      items.filter(({ append }) => {
        const refusal = refusals === null ? "no_such_room" : refusals.get(append.sender.id);
        if (refusal === undefined) append.accessVersion = accessVersion;
        else append.settle({ stored: false, code: refusal });
        return refusal === undefined;
      }));
  }
}

const LOCK_NOT_AVAILABLE = "55P03";
const SERIALIZATION = "40001";
const DEADLOCK = "40P01";
const QUERY_CANCELED = "57014";
// Errors of connecting: the statement did not reach any server.
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "CONNECT_TIMEOUT", "57P03"]);

function toAppend(waiting: QueuedAppend): Append {
  return waiting.append;
}

function byPosition(a: Entry, b: Entry): number {
  return a.position - b.position;
}
