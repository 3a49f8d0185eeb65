import type { Membership } from "../groups.ts";
import type { PresenceSession, PresenceStore, Present } from "../stores.ts";
import { unfailing, type WarnHandler } from "../subscribers.ts";
import type { Connection } from "./connection.ts";
import { isUnknownName, type PresenceRow, PresenceTables } from "./presence_tables.ts";

/** Time between two heartbeats of an instance, in ms. */
export const PRESENCE_HEARTBEAT_MS = 3_000;

// Whoever was away from the server for longer than this may not have been alone in that…
const AWAY_MS = 2 * PRESENCE_HEARTBEAT_MS;
// …and takes nobody for dead until the others have had this long to come back.
const PATIENCE_MS = 5_000;
// An unreachable server does not hold up whoever closes: the others take the entries out then.
const CLOSE_TIMEOUT_MS = 1_500;

/**
 * Knows who is in which group from the unlogged table `channels.memberships`, which is written when
 * somebody joins or leaves, and from each instance's heartbeat in `channels.instances`, without
 * which its members do not count.
 *
 * Every instance looks for dead ones, also one that never had members, and removes what they left.
 *
 * Whatever loses entries (a crash of the server truncates the tables, a standby has them empty, the
 * others took this instance for dead while it was frozen) loses the instance's row with them: the
 * next heartbeat finds it missing, and writes all memberships anew. So does the one after a write
 * that failed: beside what is there, so that nobody is ever seen gone who is not.
 */
export class PostgresPresenceStore implements PresenceStore {
  readonly #tables: PresenceTables;
  readonly #warn: WarnHandler;

  constructor(connection: Connection, warn: WarnHandler) {
    this.#warn = unfailing(warn);
    this.#tables = new PresenceTables(connection, this.#warn);
  }

  attach(
    instance: string,
    all: () => Iterable<readonly [Membership, number]>,
  ): PresenceSession {
    return new PostgresPresence(this.#tables, instance, all, this.#warn);
  }
}

class PostgresPresence implements PresenceSession {
  readonly #tables: PresenceTables;
  readonly #instance: string;
  readonly #all: () => Iterable<readonly [Membership, number]>;
  readonly #warn: WarnHandler;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Not written yet; the last word on each membership. */
  #pending = new Map<string, PresenceRow>();
  #beatDue = false;
  #clearDue = false;
  /** The last turn that was asked for; never rejects. */
  #turn: Promise<void> = Promise.resolve();
  /** The same while it has not begun: it takes whatever becomes pending. */
  #next: Promise<void> | undefined;
  /** Whether there was ever anything to write. */
  #used = false;
  /** What may be in the tables is there under these; the last is the newest. */
  #names: string[] = [];
  /** All memberships are to be written, under a new name. */
  #anew = true;
  /** The last turn failed: the next one that tries is that of a heartbeat. */
  #failed = false;
  #told = false;
  /** By the server's clock, in ms. */
  #heardAt = 0;
  #inTouchSince = 0;
  #closed = false;

  constructor(
    tables: PresenceTables,
    instance: string,
    all: () => Iterable<readonly [Membership, number]>,
    warn: WarnHandler,
  ) {
    this.#tables = tables;
    this.#instance = instance;
    this.#all = all;
    this.#warn = warn;
    this.#timer = setInterval(() => this.check(), PRESENCE_HEARTBEAT_MS);
  }

  join({ group, channel, info }: Membership, ttlMs: number): void {
    this.#write({ group, channel, info, ttlMs });
  }

  leave(group: string, channel: string): void {
    this.#write({ group, channel });
  }

  async members(group: string): Promise<Present[]> {
    if (this.#failed) this.check();
    await this.#turn;
    return await this.#tables.members(group);
  }

  check(): void {
    if (this.#closed) return;
    this.#beatDue = true;
    void this.#take();
  }

  async clear(): Promise<void> {
    this.#pending.clear();
    this.#clearDue = true;
    await this.#take();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#take(), late.promise]);
    clearTimeout(timer);
  }

  #write(row: PresenceRow): void {
    if (this.#closed) return;
    this.#used = true;
    this.#pending.set(`${row.group} ${row.channel}`, row);
    void this.#take();
  }

  /**
   * The turn that takes what is due now. One is under way at a time, and what comes meanwhile goes
   * together into the next: whoever waits for that waits for two at most, whatever comes later.
   */
  #take(): Promise<void> {
    return this.#next ??= this.#turn = this.#turn.then(() => {
      this.#next = undefined;
      return this.#work();
    });
  }

  async #work(): Promise<void> {
    const rows = [...this.#pending.values()];
    const [beat, clear] = [this.#beatDue, this.#clearDue];
    this.#pending.clear();
    this.#beatDue = this.#clearDue = false;
    if (this.#closed) return await this.#removeAll();
    // Not kept: when the server is there again, what is true then is written.
    const lossy = rows.length > 0 || clear;
    if (this.#failed && !beat && !clear) {
      this.#anew ||= lossy;
      return;
    }
    try {
      if (clear && this.#names.length > 0) await this.#tables.empty(this.#names);
      if (beat) await this.#beat();
      if (this.#used) await this.#save(rows);
      this.#failed = this.#told = false;
    } catch (error) {
      this.#failed = true;
      this.#anew ||= lossy;
      if (!this.#told && !this.#closed) this.#warn("Cannot write presence", error);
      this.#told = true;
    }
  }

  async #beat(): Promise<void> {
    const patient = this.#heardAt - this.#inTouchSince >= PATIENCE_MS;
    const { names, at } = await this.#tables.beat(
      this.#names,
      patient ? this.#heardAt + AWAY_MS : 0,
    );
    if (at - this.#heardAt > AWAY_MS) this.#inTouchSince = at;
    this.#heardAt = at;
    const newest = this.#names.at(-1);
    this.#anew ||= newest === undefined || !names.has(newest);
    this.#names = this.#names.filter((name) => names.has(name));
  }

  async #save(rows: readonly PresenceRow[]): Promise<void> {
    if (this.#anew) return await this.#saveAnew();
    try {
      await this.#tables.save(rows, this.#names, this.#pause);
    } catch (error) {
      if (!isUnknownName(error)) throw error;
      await this.#saveAnew();
    }
  }

  /** Moves what is there under a new name, adds what is missing, and removes what is left. */
  async #saveAnew(): Promise<void> {
    const name = `${this.#instance}.${crypto.randomUUID().slice(0, 8)}`;
    const left = this.#names;
    await this.#tables.begin(name, left);
    this.#names = [...left, name];
    this.#anew = false;
    // What is pending is among all that is written now.
    this.#pending.clear();
    const all: PresenceRow[] = [];
    for (const [{ group, channel, info }, ttlMs] of this.#all()) {
      all.push({ group, channel, info, ttlMs });
    }
    try {
      await this.#tables.save(all, this.#names, this.#pause);
      if (left.length > 0) await this.#tables.remove(left);
      this.#names = [name];
    } catch (error) {
      this.#anew = true;
      throw error;
    }
  }

  /** Writing for long is no reason to be taken for dead. */
  #pause = async (): Promise<boolean> => {
    if (this.#beatDue) {
      this.#beatDue = false;
      await this.#beat();
    }
    return !this.#closed;
  };

  async #removeAll(): Promise<void> {
    if (this.#names.length === 0) return;
    // Else the others do when they do not hear of it any more.
    await this.#tables.remove(this.#names).catch(() => {});
  }
}
