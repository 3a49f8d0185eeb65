import postgres from "postgres";
import type { WarnHandler } from "../channels/mod.ts";
import { sleep } from "./loop.ts";

/** What {@linkcode Arrivals} is made of. */
export interface ArrivalsOptions {
  /** A direct connection: a pooler in transaction mode drops LISTEN, and only polling is left. */
  readonly url: string;
  /** The NOTIFY channel. */
  readonly channel: string;
  /** Jobs of a task have arrived. */
  readonly onArrival: (task: string) => void;
  /** Listens, after an interruption in which something may have arrived. */
  readonly onListening: () => void;
  readonly warn: WarnHandler;
}

const CONNECT_TIMEOUT_S = 5;
const HEARTBEAT_INTERVAL_MS = 5_000;
const HEARTBEAT_TIMEOUT_MS = 5_000;
const END_TIMEOUT_MS = 200;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
// A frozen listener pins the notify queue of the whole server: let the server drop it soon.
const TCP_USER_TIMEOUT_MS = 5_000;
// The name of the bus's listeners, so that their watch over the notify queue ends a stalled one.
const CONNECTION_NAME = "maru-listener";

/**
 * Hears of new jobs, so that a worker need not wait for its next look. It may miss some: workers
 * look every half second anyway.
 *
 * An attempt is a connection of its own, thrown away whole on any doubt (an error, a close, a
 * heartbeat without an answer); after a backoff, doubled up to five seconds and jittered, the next
 * one begins from nothing, since postgres.js does not listen well on one that broke.
 */
export class Arrivals implements AsyncDisposable {
  readonly #options: ArrivalsOptions;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let backoff = BACKOFF_MIN_MS;
    let told = false;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await this.#listen();
      } catch (error) {
        if (!told && !signal.aborted) {
          this.#options.warn("The listener for jobs was lost; they are polled for", error);
        }
        told = true;
      }
      if (performance.now() - startedAt > BACKOFF_MAX_MS) {
        backoff = BACKOFF_MIN_MS;
        told = false;
      }
      await sleep(backoff * (0.5 + Math.random() / 2), signal);
      backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
    }
  }

  /** One attempt, until the doubt that ends it. */
  async #listen(): Promise<void> {
    const { url, channel, onArrival, onListening } = this.#options;
    const { signal } = this.#stop;
    const doubt = Promise.withResolvers<never>();
    doubt.promise.catch(() => {});
    let ready = false;
    const sql = postgres(url, {
      max: 1,
      max_lifetime: null,
      idle_timeout: null,
      prepare: false,
      fetch_types: false,
      connect_timeout: CONNECT_TIMEOUT_S,
      onnotice: () => {},
      onclose: () => ready && doubt.reject(new Error("The connection was closed")),
      onnotify: (_: string, task: string) => onArrival(task),
      connection: { application_name: CONNECTION_NAME },
    } as unknown as postgres.Options<Record<string, never>>);
    const aborted = () => doubt.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    let settled: Promise<unknown> = Promise.resolve();
    const ask = async (text: string, timeoutMs: number) => {
      const answer = sql.unsafe(text);
      settled = answer.catch(() => {});
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error(`No answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      try {
        await Promise.race([answer, late.promise, doubt.promise]);
      } finally {
        clearTimeout(timer);
      }
    };
    try {
      await ask(
        `set tcp_user_timeout = ${TCP_USER_TIMEOUT_MS}; listen "${channel}"`,
        CONNECT_TIMEOUT_S * 1000 + 1000,
      );
      ready = true;
      onListening();
      for (;;) {
        await Promise.race([sleep(HEARTBEAT_INTERVAL_MS, signal), doubt.promise]);
        await ask("select 1", HEARTBEAT_TIMEOUT_MS);
      }
    } finally {
      signal.removeEventListener("abort", aborted);
      ready = false;
      // It may hang for ever on a dead connection: the next attempt does not wait for it.
      // Nor can it be ended well while it connects: that would leave its timer behind.
      const ended = new AbortController();
      await Promise.race([
        settled.then(() => sql.end({ timeout: 0 })).catch(() => {}).finally(() => ended.abort()),
        sleep(END_TIMEOUT_MS, ended.signal),
      ]);
    }
  }
}
