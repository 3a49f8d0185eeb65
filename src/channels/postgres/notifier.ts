import type postgres from "postgres";
import type { WarnHandler } from "../subscribers.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import {
  overflowPacket,
  pack,
  type Packet,
  type Publication,
  PUBLICATION_MAX_BYTES,
} from "./packet.ts";
import type { ServerClock } from "./server_clock.ts";
import { type Seal, SEALED_MAX_BYTES } from "./seal.ts";

/** What waits to be sent is at most this long; then the oldest is dropped. */
export const PENDING_MAX_BYTES = 16 * 1024 * 1024;

/** The NOTIFY channel that all instances hear. */
export const ALL_CHANNEL = "channels_all";

/** The NOTIFY channel that one instance hears. */
export function instanceChannel(instance: string): string {
  return `channels_${instance}`;
}

/** What a {@linkcode Notifier} is made of. */
export interface NotifierOptions {
  readonly connection: ConnectionOptions;
  readonly seal: Seal;
  readonly clock: ServerClock;
  /** Publications were dropped. */
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
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Sends publications, on one connection, one statement in flight: what is published meanwhile goes
 * together into the next. A transaction of nothing but NOTIFY does not flush the WAL, so this is
 * cheap for the server, and it is apart from the transactions that write, which NOTIFY would make
 * wait for one another.
 *
 * While the server cannot be reached, publications wait within a bound. A statement whose outcome
 * is unknown is sent again: its payloads carry the same numbers, and receivers drop the second.
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
  #closed = false;

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
    this.#pending.push(publication);
    this.#pendingBytes += publication.bytes.length;
    if (this.#pendingBytes > PENDING_MAX_BYTES) this.#dropOldest();
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits any more, or after two seconds. */
  async flush(): Promise<void> {
    if (this.#running === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_TIMEOUT_MS));
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    await this.#connection.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#closed) {
      if (!this.#options.seal.ready && !await this.#loadKeys()) continue;
      const publications = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      await this.#send(publications);
    }
    this.#running = null;
    if (this.#pending.length > 0 && !this.#closed) this.#running = this.#run();
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
      const payloads = some.map(({ bytes }) => this.#options.seal.seal(bytes));
      // Sealing goes on while the server works at what is before it.
      await told;
      told = this.#tell(some, payloads);
    }
    await told;
    this.counters[batchSize(publications.length)]++;
  }

  async #tell(packets: readonly Packet[], payloads: readonly string[]): Promise<void> {
    const channels = packets.map(({ to }) => to === undefined ? ALL_CHANNEL : instanceChannel(to));
    while (!this.#closed && !await this.#notify(channels, payloads));
    this.counters.payloads += payloads.length;
    for (const payload of payloads) this.counters.notifyBytes += payload.length;
    for (const { publications } of packets) this.counters.sent += publications;
    this.counters.notifyStatements++;
  }

  /** Lists with spaces between are a quarter of the work that arrays are for the server. */
  async #notify(channels: readonly string[], payloads: readonly string[]): Promise<boolean> {
    return await this.#attempt((sql) =>
      payloads.length === 1
        ? sql`select pg_notify(${channels[0]!}, ${payloads[0]!}) where ${AT_ONCE} <> ''`
        : sql`
          select pg_notify(
            string_to_table(${channels.join(" ")}, ' '),
            string_to_table(${payloads.join(" ")}, ' '))`
    ) !== null;
  }

  /** Loads the keys anew; false, after a pause, when the server cannot be reached. */
  async #loadKeys(): Promise<boolean> {
    const rows = await this.#attempt((sql) =>
      sql<{ id: number; secret: Uint8Array; now: number }[]>`
        select id, secret, (extract(epoch from clock_timestamp()) * 1000)::float8 as now
        from channels.keys`
    );
    if (rows === null || rows.length === 0) return false;
    this.#options.clock.set(rows[0]!.now);
    this.#options.seal.setKeys(rows);
    return true;
  }

  /** Somebody uses a key that is not known here yet. */
  async reloadKeys(): Promise<boolean> {
    return await this.#loadKeys();
  }

  async #attempt<T>(run: (sql: postgres.Sql) => PromiseLike<T>): Promise<T | null> {
    try {
      return await this.#connection.run(run);
    } catch (error) {
      if (this.#closed) return null;
      this.#options.warn("Cannot notify", error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      return null;
    }
  }

  #dropOldest(): void {
    let dropped = 0;
    while (this.#pendingBytes > PENDING_MAX_BYTES / 2) {
      this.#pendingBytes -= this.#pending[dropped++]!.bytes.length;
    }
    this.#pending.splice(0, dropped);
    this.counters.dropped += dropped;
    this.#overflowed = true;
    this.#options.onOverflow();
  }
}

function batchSize(size: number): `batches${string}` & keyof Notifier["counters"] {
  if (size === 1) return "batchesOf1";
  if (size <= 10) return "batchesTo10";
  if (size <= 100) return "batchesTo100";
  return size <= 1000 ? "batchesTo1000" : "batchesAbove1000";
}
