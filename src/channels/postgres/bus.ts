import { Buffer } from "node:buffer";
import {
  type Bus,
  type BusCounters,
  type BusHandler,
  type BusHealth,
  type Doubt,
  SQL_TOPIC,
} from "../bus.ts";
import { newInstanceName } from "../instance_name.ts";
import { Subscribers, unfailing, type WarnHandler } from "../subscribers.ts";
import { assertIntervals } from "../time_limit.ts";
import type { ConnectionOptions } from "./connection.ts";
import { KeyWatch } from "./key_watch.ts";
import { Listener } from "./listener.ts";
import { ALL_CHANNEL, instanceChannel, Notifier } from "./notifier.ts";
import { recordOverhead, Unpacker } from "./packet.ts";
import { Seal, SEALED_MAX_BYTES } from "./seal.ts";
import { ServerClock } from "./server_clock.ts";
import { SignedEvents } from "./signed_events.ts";

/** Options of {@linkcode openPostgresBus}. */
export interface PostgresBusOptions extends ConnectionOptions {
  /** Time between two heartbeats of the listener, in ms; up to 2147483647. @default 5000 */
  readonly heartbeatIntervalMs?: number;
  /**
   * The most time from a load of the keys to the next, in ms, beside a second of pause; up to
   * 2147483647. @default 60000
   */
  readonly keysIntervalMs?: number;
  /** Told of what went wrong and mends itself. @default silent */
  readonly warn?: WarnHandler;
}

// Publishers come and go; what is remembered of them is bounded.
const MAX_PUBLISHERS = 4_096;
/**
 * The first payload of a publisher that is heard is at most this old. Longer than what goes without
 * a doubt together: a step of the server's clock (20 s, server_clock.ts), a payload that is sent
 * again and again (20 s, notifier.ts), and its last statement (5 s).
 */
const FRESH_MS = 60_000;

/**
 * Opens a bus over PostgreSQL's NOTIFY: two connections, one to send and one to listen. The schema
 * must be there (`migrateChannels`).
 *
 * Resolves even while the database cannot be reached, and goes on trying.
 *
 * @throws {PoolerError} when the direct URL leads to a pooler in transaction mode
 * @throws {RangeError} when an interval is not above 0, or longer than a timer waits
 *
 * @example
 * ```ts
 * import { migrateChannels, openPostgresBus } from "maru/channels";
 *
 * const url = Deno.env.get("DATABASE_URL")!;
 * await migrateChannels(url);
 * await using bus = await openPostgresBus({ url });
 * bus.publish("news", new TextEncoder().encode("hello"));
 * ```
 */
export async function openPostgresBus(options: PostgresBusOptions): Promise<Bus> {
  const { heartbeatIntervalMs, keysIntervalMs } = options;
  assertIntervals({ heartbeatIntervalMs, keysIntervalMs });
  const bus = new PostgresBus(options);
  try {
    await bus.opened();
  } catch (error) {
    await bus.close();
    throw error;
  }
  return bus;
}

class PostgresBus implements Bus {
  readonly instance = newInstanceName();
  readonly inlineLimit = SEALED_MAX_BYTES - recordOverhead("x".repeat(32));
  /** Who knows of a step and who does not yet took each other's payloads for old, it may be. */
  readonly #clock = new ServerClock(() => this.#notifier.tellOverflow());
  readonly #seal = new Seal(this.instance, this.#clock);
  readonly #subscribers: Subscribers;
  readonly #notifier: Notifier;
  readonly #keys: KeyWatch;
  readonly #listener: Listener;
  readonly #signed: SignedEvents;
  readonly #publishers = new Map<string, { last: number; unpacker: Unpacker }>();
  readonly #warn: WarnHandler;
  readonly #counters = { received: 0, delivered: 0, unopened: 0, replayed: 0 };
  #since = Date.now();
  #loading: Promise<boolean> = Promise.resolve(false);
  #closed = false;
  #lastWarning = -Infinity;

  constructor(options: PostgresBusOptions) {
    this.#warn = unfailing(options.warn ?? (() => {}));
    this.#subscribers = new Subscribers(this.#warn);
    this.#signed = new SignedEvents(this.#seal, () => this.#clock.now());
    this.#notifier = new Notifier({
      connection: options,
      seal: this.#seal,
      clock: this.#clock,
      onOverflow: () => this.#subscribers.doubt("overflow"),
      warn: this.#warn,
    });
    this.#keys = new KeyWatch({
      load: () => this.#notifier.loadKeys(),
      ...(options.keysIntervalMs === undefined ? {} : { intervalMs: options.keysIntervalMs }),
    });
    this.#listener = new Listener({
      connection: options,
      channels: [ALL_CHANNEL, instanceChannel(this.instance)],
      ...(options.heartbeatIntervalMs === undefined
        ? {}
        : { heartbeatIntervalMs: options.heartbeatIntervalMs }),
      clock: this.#clock,
      onPayload: (payload) => this.#receive(payload),
      onLost: () => {
        // What was begun is not to be completed by what comes after the gap.
        for (const { unpacker } of this.#publishers.values()) unpacker.forget();
        this.#changed("lost");
      },
      onListening: () => {
        // Keys may have been rotated while it was deaf.
        this.#loading = this.#notifier.loadKeys();
        void this.#listening(this.#loading);
      },
      warn: this.#warn,
    });
  }

  /** Settles when it hears and can open what it hears, or when the first attempt has failed. */
  async opened(): Promise<void> {
    await this.#listener.firstAttempt;
    await this.#loading;
  }

  publish(topic: string, bytes: Uint8Array, options: { readonly to?: string } = {}): void {
    if (!/^[\x21-\x7e]{1,32}$/.test(topic)) {
      throw new TypeError(`Cannot publish to topic "${topic}": not 1 to 32 printable characters`);
    }
    this.#notifier.publish({ topic, bytes, to: options.to });
  }

  subscribe(topic: string, handler: BusHandler, options: { readonly signal?: AbortSignal } = {}) {
    this.#subscribers.subscribe(topic, handler, options.signal);
  }

  onDoubt(handler: (reason: Doubt) => void, options: { readonly signal?: AbortSignal } = {}) {
    this.#subscribers.onDoubt(handler, options.signal);
  }

  health(): BusHealth {
    return { listening: this.#listener.listening, since: this.#since };
  }

  counters(): BusCounters {
    return { ...this.#counters, ...this.#notifier.counters, ...this.#listener.counters };
  }

  flush(): Promise<void> {
    return this.#notifier.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#notifier.close(), this.#listener.close(), this.#keys.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listening(loading: Promise<boolean>): Promise<void> {
    while (!await loading) {
      if (!this.#listener.listening || this.#closed) return;
      loading = this.#notifier.loadKeys();
    }
    this.#changed("restored");
  }

  #changed(reason: Doubt): void {
    this.#since = Date.now();
    this.#subscribers.doubt(reason);
  }

  #receive(payload: string): void {
    // Between LISTEN and the keys, or while the table of keys is empty: a doubt follows either.
    if (!this.#seal.ready) return;
    this.#counters.received++;
    if (payload.startsWith("s ")) return this.#receiveSigned(payload);
    const opened = this.#seal.open(payload);
    if (opened === "own") return;
    if (typeof opened === "string") return this.#refuse(opened);
    let publisher = this.#publishers.get(opened.from);
    // Of a stranger to this instance nothing is old news but what somebody kept and sends again.
    const last = publisher?.last ?? (this.#clock.now() - FRESH_MS) * 1_000;
    // Sent again after a doubt, or by somebody who listened.
    if (opened.number <= last) {
      this.#counters.replayed++;
      return;
    }
    if (publisher === undefined) {
      // Only now: what was old by a clock that turns out to be wrong is not to be held against it.
      if (this.#publishers.size >= MAX_PUBLISHERS) this.#publishers.clear();
      publisher = { last, unpacker: new Unpacker() };
      this.#publishers.set(opened.from, publisher);
    }
    publisher.last = opened.number;
    publisher.unpacker.unpack(opened.bytes, {
      deliver: (topic, bytes) => {
        this.#counters.delivered++;
        this.#subscribers.deliver(topic, bytes, opened.from);
      },
      overflow: () => this.#subscribers.doubt("overflow"),
    });
  }

  #receiveSigned(payload: string): void {
    const event = this.#signed.open(payload);
    if (event === "incomplete") return;
    if (event === "unknown key" || event === "forged") return this.#refuse(event);
    this.#counters.delivered++;
    this.#subscribers.deliver(SQL_TOPIC, Buffer.from(event.json), "sql");
  }

  #refuse(reason: "unknown key" | "forged"): void {
    this.#counters.unopened++;
    // If there is such a key, what was dropped until it is known is a doubt.
    if (reason === "unknown key") this.#keys.ask();
    const now = performance.now();
    if (now - this.#lastWarning < WARN_INTERVAL_MS) return;
    this.#lastWarning = now;
    this.#warn("A payload did not open and was dropped", new Error(reason));
  }
}

// Anybody may send garbage; the log is not theirs to fill.
const WARN_INTERVAL_MS = 60_000;
