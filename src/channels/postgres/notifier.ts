import { Buffer } from "node:buffer";
import type postgres from "postgres";
import type { WarnHandler } from "../subscribers.ts";
import { answeredState, Connection, type ConnectionOptions } from "./connection.ts";
import {
  overflowPacket,
  pack,
  type Packet,
  type Publication,
  PUBLICATION_MAX_BYTES,
} from "./packet.ts";
import type { ServerClock } from "./server_clock.ts";
import { type Seal, SEALED_MAX_BYTES } from "./seal.ts";
import { sleep } from "./sleep.ts";

/** What waits to be sent is at most this long; then the oldest is dropped. */
export const PENDING_MAX_BYTES = 16 * 1024 * 1024;

/** The NOTIFY channel that all instances hear. */
export const ALL_CHANNEL = "channels_all";

/** The NOTIFY channel that one instance hears. */
export function instanceChannel(instance: string): string {
  return `channels_${instance}`;
}

// As newInstanceName() makes it. A longer name would not even be one of a NOTIFY channel.
const INSTANCE = /^[0-9a-f]{32}$/;

/** What a {@linkcode Notifier} is made of. */
export interface NotifierOptions {
  readonly connection: ConnectionOptions;
  readonly seal: Seal;
  readonly clock: ServerClock;
  /** Publications were dropped, or others' may have been. */
  readonly onOverflow: () => void;
  readonly warn: WarnHandler;
}

// A statement carries about this many payloads, so that a backlog does not become one giant one.
const STATEMENT_MAX_PAYLOADS = 16;
// postgres.js holds a write of less than this back until the end of the turn, for others that may
// join it. Here nothing can, and a statement of one small payload, which somebody waits for, does
// not wait with it.
const AT_ONCE = " ".repeat(1024);
const RETRY_DELAY_MS = 250;
// What is told later than this after it was sealed may be taken for a late copy by whoever has not
// heard of this instance yet: see FRESH_MS in bus.ts.
const SEALED_MAX_AGE_MS = 20_000;
const FLUSH_TIMEOUT_MS = 2_000;
const NO_KEY = "Cannot seal: the table channels.keys is empty; make a key with: insert into " +
  "channels.keys (secret) values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))";

/**
 * Sends publications, on one connection, one statement in flight: what is published meanwhile goes
 * together into the next. A transaction of nothing but NOTIFY does not flush the WAL, so this is
 * cheap for the server, and it is apart from the transactions that write, which NOTIFY would make
 * wait for one another.
 *
 * While the server cannot be reached, publications wait within a bound. A statement whose outcome
 * is unknown is sent again: its payloads carry the same numbers, and receivers drop the second. If
 * it goes through at last when they are old, the others are told that they may have missed them:
 * sealing them anew would deliver them twice to those who did hear the first. One that the server
 * refuses for what is in it would be refused for ever: it is given up, as an overflow, so that what
 * comes after it goes on.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly counters = {
    sent: 0,
    dropped: 0,
    payloads: 0,
    notifyBytes: 0,
    notifyStatements: 0,
    batchesOf1: 0,
    batchesTo10: 0,
    batchesTo100: 0,
    batchesTo1000: 0,
    batchesAbove1000: 0,
  };
  readonly #connection: Connection;
  #pending: Publication[] = [];
  #pendingBytes = 0;
  #overflowed = false;
  #running: Promise<void> | null = null;
  readonly #stop = new AbortController();
  /** What it told of that fails, and still does. */
  #failing = "";
  /** Somebody waited for what is pending, in vain. */
  #stalled = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#connection = new Connection(options.connection, "maru-notify");
  }

  publish(publication: Publication): void {
    if (this.#closed) return;
    if (publication.bytes.length > PUBLICATION_MAX_BYTES) {
      throw new RangeError(
        `Cannot publish ${publication.bytes.length} bytes: more than ${PUBLICATION_MAX_BYTES}`,
      );
    }
    if (publication.to !== undefined && !INSTANCE.test(publication.to)) {
      // Anybody can name a channel so, a reply channel for one, and nobody owns it.
      this.counters.dropped++;
      return;
    }
    this.#pending.push(publication);
    this.#pendingBytes += publication.bytes.length;
    if (this.#pendingBytes > PENDING_MAX_BYTES) this.#dropOldest();
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits any more, or after two seconds. */
  async flush(): Promise<void> {
    if (this.#running === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#stalled = true;
        resolve();
      }, FLUSH_TIMEOUT_MS);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    // Whoever flushed just before has waited long enough.
    if (!this.#stalled) await this.flush();
    this.#stop.abort();
    await this.#connection.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#somethingToTell && !this.#closed) {
      if (!this.#options.seal.ready && !await this.loadKeys()) continue;
      const publications = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      await this.#send(publications);
    }
    this.#running = null;
    if (this.#somethingToTell && !this.#closed) this.#running = this.#run();
  }

  get #closed(): boolean {
    return this.#stop.signal.aborted;
  }

  /** An overflow is told even when nothing follows it. */
  get #somethingToTell(): boolean {
    return this.#pending.length > 0 || this.#overflowed;
  }

  async #send(publications: readonly Publication[]): Promise<void> {
    const packets = pack(publications, SEALED_MAX_BYTES);
    if (this.#overflowed) packets.unshift(overflowPacket());
    this.#overflowed = false;
    let told: Promise<void> | undefined;
    for (let at = 0, end = 0; at < packets.length; at = end) {
      end = Math.min(at + STATEMENT_MAX_PAYLOADS, packets.length);
      // The pieces of one publication are told in one transaction: all of them or none.
      while (packets[end - 1]!.continued) end++;
      const some = packets.slice(at, end);
      const sealedAt = this.#options.clock.now();
      const payloads = some.map(({ bytes }) => this.#options.seal.seal(bytes));
      // Sealing goes on while the server works at what is before it.
      await told;
      told = this.#tell(some, payloads, sealedAt);
    }
    await told;
    if (publications.length > 0) this.counters[batchSize(publications.length)]++;
  }

  async #tell(
    packets: readonly Packet[],
    payloads: readonly string[],
    sealedAt: number,
  ): Promise<void> {
    const channels = packets.map(({ to }) => to === undefined ? ALL_CHANNEL : instanceChannel(to));
    const outcome = await this.#notify(channels, payloads);
    if (outcome === "closed") return;
    if (outcome === "refused") {
      for (const { publications } of packets) this.counters.dropped += publications;
      this.tellOverflow();
      // Whoever catches up may publish again, and be refused again.
      return await this.#pause();
    }
    if (this.#options.clock.now() - sealedAt > SEALED_MAX_AGE_MS) this.#overflowed = true;
    this.counters.payloads += payloads.length;
    for (const payload of payloads) this.counters.notifyBytes += payload.length;
    for (const { publications } of packets) this.counters.sent += publications;
    this.counters.notifyStatements++;
  }

  /** Lists with spaces between are a quarter of the work that arrays are for the server. */
  async #notify(
    channels: readonly string[],
    payloads: readonly string[],
  ): Promise<"sent" | "refused" | "closed"> {
    while (!this.#closed) {
      try {
        await this.#query((sql) =>
          payloads.length === 1
            ? sql`select pg_notify(${channels[0]!}, ${payloads[0]!}) where ${AT_ONCE} <> ''`
            : sql`
              select pg_notify(
                string_to_table(${channels.join(" ")}, ' '),
                string_to_table(${payloads.join(" ")}, ' '))`
        );
        this.#failing = "";
        return "sent";
      } catch (error) {
        if (isRefused(error)) {
          this.#warnOnce("The server refused to notify, and what it should tell is lost", error);
          return "refused";
        }
        await this.#failed(error);
      }
    }
    return "closed";
  }

  /** Loads the keys anew; false, after a pause, when that cannot be done now. */
  async loadKeys(): Promise<boolean> {
    const { clock, seal } = this.#options;
    const askedAt = performance.now();
    try {
      // Encoded: with `bytea_output = 'escape'` postgres.js makes a byte or none of a bytea.
      const rows = await this.#query((sql) =>
        sql<{ id: number; secret: string; now: number }[]>`
          select id, encode(secret, 'hex') as secret,
            (extract(epoch from clock_timestamp()) * 1000)::float8 as now
          from channels.keys`
      );
      const change = seal.setKeys(
        rows.map(({ id, secret }) => ({ id, secret: Buffer.from(secret, "hex") })),
      );
      if (rows.length === 0) throw new Error(NO_KEY);
      clock.set(rows[0]!.now, askedAt);
      this.#failing = "";
      // What others sealed with a key that was not known here was dropped.
      if (change === "added") this.#options.onOverflow();
      if (change === "replaced") this.tellOverflow();
      return true;
    } catch (error) {
      await this.#failed(error);
      return false;
    }
  }

  async #query<T>(run: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    const result = await this.#connection.run(run);
    this.#stalled = false;
    return result;
  }

  /** Told once until it can again. */
  #warnOnce(message: string, error: unknown): void {
    if (this.#failing !== message) this.#options.warn(message, error);
    this.#failing = message;
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#closed) return;
    this.#warnOnce("Cannot notify", error);
    await this.#pause();
  }

  /** Ends when it is closed: nobody waits then for those who pause. */
  #pause(): Promise<void> {
    return sleep(RETRY_DELAY_MS, this.#stop.signal);
  }

  #dropOldest(): void {
    let dropped = 0;
    while (this.#pendingBytes > PENDING_MAX_BYTES / 2) {
      this.#pendingBytes -= this.#pending[dropped++]!.bytes.length;
    }
    this.#pending.splice(0, dropped);
    this.counters.dropped += dropped;
    this.tellOverflow();
  }

  /** To the users here now, and to the other instances before what is sent next. */
  tellOverflow(): void {
    if (this.#closed) return;
    this.#overflowed = true;
    this.#running ??= this.#run();
    this.#options.onOverflow();
  }
}

function batchSize(size: number): `batches${string}` & keyof Notifier["counters"] {
  if (size === 1) return "batchesOf1";
  if (size <= 10) return "batchesTo10";
  if (size <= 100) return "batchesTo100";
  return size <= 1000 ? "batchesTo1000" : "batchesAbove1000";
}

/**
 * Whether the server refused a statement for what is in it, so that sending it again is of no use:
 * data, integrity, syntax or access, limits. A full notify queue counts among the limits (54000),
 * but empties again.
 */
function isRefused(error: unknown): boolean {
  const state = answeredState(error);
  return state !== "54000" && /^(22|23|42|54)/.test(state);
}
