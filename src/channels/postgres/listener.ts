import type postgres from "postgres";
import type { WarnHandler } from "../subscribers.ts";
import { inTime } from "../time_limit.ts";
import { answeredState, type ConnectionOptions, openConnection } from "./connection.ts";
import type { ServerClock } from "./server_clock.ts";
import { sleep } from "./sleep.ts";

/** What a {@linkcode Listener} is made of. */
export interface ListenerOptions {
  /** It takes the direct one: a pooler in transaction mode drops LISTEN without a word. */
  readonly connection: ConnectionOptions;
  /** Names of NOTIFY channels: letters, digits and `_`. The last one is this instance's own. */
  readonly channels: readonly string[];
  /** Time between two heartbeats, in ms. @default 5000 */
  readonly heartbeatIntervalMs?: number;
  /** Set with each heartbeat. */
  readonly clock: ServerClock;
  readonly onPayload: (payload: string) => void;
  /** Went deaf. */
  readonly onLost: () => void;
  /** Hears, after every LISTEN has committed. */
  readonly onListening: () => void;
  readonly warn: WarnHandler;
}

/** The direct URL leads to a pooler that drops LISTEN. */
export class PoolerError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "PoolerError";

  constructor() {
    super(
      "Cannot listen: the direct URL (directUrl; DATABASE_DIRECT_URL, or else DATABASE_URL) leads to " +
        "a pooler in transaction mode, which drops LISTEN silently; set it to the server itself",
    );
  }
}

const SET_UP_TIMEOUT_MS = 6_000;
const FIRST_ECHO_TIMEOUT_MS = 2_000;
const DEFAULT_HEARTBEAT_INTERVAL_MS = 5_000;
const MISSED_HEARTBEATS = 2;
const END_TIMEOUT_MS = 200;
const LISTENER_NAME = "maru-listener";
/** Above this share of the notify queue a stalled listener is ended. */
const QUEUE_USAGE_MAX = 0.1;
const STALLED_AFTER_HEARTBEATS = 3;
const INSUFFICIENT_PRIVILEGE = "42501";
const POOLER_TIMEOUT_MS = 1_000;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
// A frozen listener pins the notify queue of the whole server: let the server drop it soon.
const TCP_USER_TIMEOUT_MS = 5_000;
const HEARTBEAT = "heartbeat ";

/**
 * Keeps one connection listening.
 *
 * An attempt opens a connection of its own, listens, and hears its own first heartbeat before it
 * counts. On any doubt (an error, a close, two heartbeats that did not come back on that very
 * connection) it is thrown away whole, and after a backoff, doubled up to five seconds and
 * jittered, the next one begins from nothing: what is left of a broken one is never repaired.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  readonly counters = {
    listens: 0,
    reconnects: 0,
    heartbeats: 0,
    heartbeatLagMs: 0,
    stalledEnded: 0,
  };
  #loop: Promise<void>;
  #listening = false;
  #first = Promise.withResolvers<void>();
  /** It told that it may not end a stalled listener. */
  #mayNotEnd = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#first.promise.catch(() => {});
    this.#loop = this.#run();
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Settles with the first attempt: rejects with a {@linkcode PoolerError}, else resolves. */
  get firstAttempt(): Promise<void> {
    return this.#first.promise;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let backoff = BACKOFF_MIN_MS;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await this.#listen();
      } catch (error) {
        if (error instanceof PoolerError) this.#first.reject(error);
        if (!signal.aborted) this.#options.warn("The listener was lost", error);
      }
      this.#first.resolve();
      if (this.#listening) {
        this.#listening = false;
        if (signal.aborted) return;
        this.counters.reconnects++;
        this.#options.onLost();
      }
      // A connection that lived for a while was a good one: begin again quickly.
      if (performance.now() - startedAt > BACKOFF_MAX_MS) backoff = BACKOFF_MIN_MS;
      await sleep(backoff * (0.5 + Math.random() / 2), signal);
      backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
    }
  }

  #open(name: string, own: Readonly<Record<string, unknown>>): postgres.Sql {
    const { connection } = this.#options;
    const { url, directUrl = url } = connection;
    return openConnection(directUrl, name, connection, { prepare: false, ...own });
  }

  /**
   * Through a pooler in transaction mode the own heartbeat comes back where it gets the server
   * connection that LISTEN got, for it is told before its transaction ends; what another connection
   * says does not.
   *
   * @throws {PoolerError} when that is so
   */
  async #requireListen(channel: string, echoes: Echoes, doubt: Promise<never>): Promise<void> {
    const other = this.#open("maru-listener-check", {});
    const decided = new AbortController();
    const { nonce, heard } = echoes.expect();
    const tell = () => other.unsafe(`select pg_notify('${channel}', '${nonce}')`);
    const comesBack = async (told: Promise<unknown>) => {
      await within(told, SET_UP_TIMEOUT_MS, doubt);
      // Only now: to connect to a server far away takes longer than to hear it.
      const late = sleep(POOLER_TIMEOUT_MS, decided.signal).then(() => false);
      return await Promise.race([heard.then(() => true), late, doubt]);
    };
    const first = tell();
    try {
      // A process that stood still for that second has not read what had come by then: it does while
      // it tells another.
      if (!await comesBack(first) && !await comesBack(tell())) throw new PoolerError();
    } finally {
      decided.abort();
      await end(other, first);
    }
  }

  /**
   * The server keeps every notification until its slowest listener has read it. One that is stuck in
   * a statement or a transaction, or that has not sent its heartbeat for a while and does not take
   * what it is told, will not: the oldest such is ended, before the queue is full and nobody can
   * notify any more.
   *
   * One that only waits for its next statement holds nothing up, however long it has been silent:
   * elsewhere heartbeats may be further apart.
   */
  async #endStalled(sql: postgres.Sql, heartbeatIntervalMs: number): Promise<void> {
    const rows = await sql.unsafe(`
      select pid, pg_terminate_backend(pid) from pg_stat_activity
      where application_name = '${LISTENER_NAME}' and pid <> pg_backend_pid()
        and (state <> 'idle'
          or wait_event is distinct from 'ClientRead' and datname = current_database())
        and state_change < now() - interval '${STALLED_AFTER_HEARTBEATS * heartbeatIntervalMs} ms'
      order by state_change limit 1`)
      .catch((error) => {
        // Another role's. That is no fault of this connection's, which is as good as before.
        if (answeredState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
        if (!this.#mayNotEnd) {
          this.#options.warn(
            "The notify queue is filling up: cannot end its slowest listener",
            error,
          );
        }
        this.#mayNotEnd = true;
        return [];
      });
    for (const { pid } of rows) {
      this.counters.stalledEnded++;
      this.#options.warn(
        `The notify queue is filling up: ended the stalled listener ${pid}`,
        undefined,
      );
    }
  }

  /** One attempt, from the first byte to the doubt that ends it. */
  async #listen(): Promise<void> {
    const { channels, clock, heartbeatIntervalMs = DEFAULT_HEARTBEAT_INTERVAL_MS } = this.#options;
    const { signal } = this.#stop;
    const own = channels.at(-1)!;
    const doubt = Promise.withResolvers<never>();
    doubt.promise.catch(() => {});
    const aborted = () => doubt.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    const echoes = new Echoes();
    let connected = false;
    const sql = this.#open(LISTENER_NAME, {
      onclose: () => connected && doubt.reject(new Error("The connection was closed")),
      onnotify: (channel: string, payload: string) => {
        if (channel === own && payload.startsWith(HEARTBEAT)) echoes.hear(payload);
        else this.#options.onPayload(payload);
      },
    });
    /** Sends a nonce to itself and waits until it has come back on this connection. */
    const echo = async (timeoutMs: number) => {
      const { nonce, heard } = echoes.expect();
      const sentAt = performance.now();
      const sent = sql.unsafe(`
        select pg_notify('${own}', '${nonce}'), pg_notification_queue_usage() as usage,
          (extract(epoch from clock_timestamp()) * 1000)::float8 as now`);
      const [rows] = await within(Promise.all([sent, heard]), timeoutMs, doubt.promise);
      this.counters.heartbeats++;
      this.counters.heartbeatLagMs = performance.now() - sentAt;
      const { usage, now } = rows[0] as unknown as { usage: number; now: number };
      clock.set(now, sentAt);
      if (usage > QUEUE_USAGE_MAX) {
        await within(this.#endStalled(sql, heartbeatIntervalMs), timeoutMs, doubt.promise);
      }
    };
    let settled: Promise<unknown> = Promise.resolve();
    try {
      this.counters.listens += channels.length;
      const setUp = sql.unsafe(
        `set tcp_user_timeout = ${TCP_USER_TIMEOUT_MS}; ` +
          channels.map((channel) => `listen "${channel}"`).join("; "),
      ).then(() => sql.unsafe("select pg_backend_pid() as pid"));
      settled = setUp;
      const pid = await within(setUp, SET_UP_TIMEOUT_MS, doubt.promise);
      connected = true;
      // A pooler answers with a process id of its own invention; only some of them let LISTEN work.
      // Before the first echo: through the others that comes back, or does not, by chance.
      if (pid.state.pid !== pid[0]!["pid"]) {
        await this.#requireListen(own, echoes, doubt.promise);
      }
      await echo(FIRST_ECHO_TIMEOUT_MS);
      this.#listening = true;
      this.#options.onListening();
      this.#first.resolve();
      for (;;) {
        await within(sleep(heartbeatIntervalMs, signal), Infinity, doubt.promise);
        if (signal.aborted) return;
        await echo(heartbeatIntervalMs * (MISSED_HEARTBEATS - 1));
      }
    } finally {
      signal.removeEventListener("abort", aborted);
      connected = false;
      await end(sql, settled);
    }
  }
}

/**
 * It may hang for ever on a dead connection: nobody waits for that. Nor can it be ended well while
 * it connects, since that would leave its timer behind: only once its first statement has settled.
 */
async function end(sql: postgres.Sql, first: PromiseLike<unknown>): Promise<void> {
  const ended = new AbortController();
  const settled = Promise.resolve(first).catch(() => {});
  await Promise.race([
    settled.then(() => sql.end({ timeout: 0 })).catch(() => {}).finally(() => ended.abort()),
    sleep(END_TIMEOUT_MS, ended.signal),
  ]);
}

/** Waits for a heartbeat to come back. */
class Echoes {
  #nonce = "";
  #heard: () => void = () => {};

  /** A new one, to be sent; nobody waits for the one before any more. */
  expect(): { readonly nonce: string; readonly heard: Promise<void> } {
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    this.#nonce = HEARTBEAT + crypto.randomUUID();
    this.#heard = resolve;
    return { nonce: this.#nonce, heard };
  }

  hear(payload: string): void {
    if (payload === this.#nonce) this.#heard();
  }
}

async function within<T>(wanted: Promise<T>, ms: number, doubt: Promise<never>): Promise<T> {
  const first = Promise.race([wanted, doubt]);
  return await (ms === Infinity ? first : inTime(first, ms, `No answer within ${ms} ms`));
}
