import type { Db } from "pg-boss";
import postgres from "postgres";
import type { WarnHandler } from "../channels/mod.ts";
import { arrayTypes } from "../db/arrays.ts";
import { closeGap } from "../db/close_gap.ts";
import { DatabaseTimeoutError } from "../db/errors.ts";
import type { Sql } from "../db/pool.ts";
import { type Turns, turns } from "../db/turns.ts";
import { Arrivals } from "./arrivals.ts";
import { SoloConnection } from "./solo_connection.ts";

/**
 * A transaction of the caller's: what `sql.begin` of postgres.js hands out. Only `unsafe` is used,
 * so whatever types it maps are its own matter.
 */
export interface Transaction {
  /** Runs a statement in it. */
  unsafe(query: string, parameters?: string[]): PromiseLike<readonly unknown[]>;
}

/** What {@linkcode TasksDatabase} is opened with. */
export interface TasksDatabaseOptions {
  readonly url: string;
  readonly directUrl: string;
  readonly warn: WarnHandler;
}

/** With the connection that listens, one for a transaction and one for a script, it makes five. */
const POOL_MAX = 2;
const CONNECT_TIMEOUT_S = 5;
const RECONNECT_BACKOFF_S = 0.1;
const QUERY_TIMEOUT_MS = 15_000;
const MAINTENANCE_TIMEOUT_MS = 60_000;
/** pg-boss builds indexes anew, concurrently, which takes as long as it takes. */
const INDEX_TIMEOUT_MS = 6 * 3_600_000;
const CONNECTION_NAME = "maru-tasks";

/**
 * The connections of background work, as pg-boss wants them and for its own statements.
 *
 * As in `Pool`, a query that has no answer in time takes its whole postgres.js instance along, and
 * the next query opens a new one: the network can swallow a connection without a word, and
 * postgres.js never settles what was queued on it.
 */
export class TasksDatabase implements Db, AsyncDisposable {
  readonly #options: TasksDatabaseOptions;
  readonly #arrivalHandlers = new Set<(task?: string) => void>();
  #listening: (() => Arrivals) | undefined;
  #arrivals: Arrivals | undefined;
  readonly #transactions: SoloConnection;
  /** Apart from transactions: a script may wait for another instance's, half a minute. */
  readonly #scripts: SoloConnection;
  #sql!: Sql;
  #turns!: Turns;
  #closed = false;

  constructor(options: TasksDatabaseOptions) {
    this.#options = options;
    const { url } = options;
    const connect = (onclose: () => void) =>
      connectTasks(url, { max: 1, prepare: this.#prepare, onclose });
    this.#transactions = new SoloConnection(connect);
    this.#scripts = new SoloConnection(connect);
    this.#open();
  }

  /** Runs queries that belong together in time, though not in a transaction. */
  async query<T>(run: (sql: Sql) => PromiseLike<T>, timeoutMs = QUERY_TIMEOUT_MS): Promise<T> {
    const sql = this.#sql;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new DatabaseTimeoutError(timeoutMs));
      this.#discard(sql);
    }, timeoutMs);
    try {
      return closeGap(await Promise.race([this.#turns(() => run(sql)), late.promise]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs statements in one transaction. */
  async begin<T>(run: (transaction: Transaction) => Promise<T>): Promise<T> {
    return await this.#transactions.run(async (query) => {
      const unsafe = (text: string, parameters?: string[]) =>
        query((sql) => sql.unsafe(text, parameters));
      await unsafe("begin");
      const result = await run({ unsafe });
      // Of a transaction in which a statement has failed this is a rollback, and no error.
      const { command } = await unsafe("commit");
      if (command !== "COMMIT") throw new Error("Cannot commit: a statement of it failed");
      return result;
    }, QUERY_TIMEOUT_MS);
  }

  /** Runs a statement, or a script, of pg-boss. */
  async executeSql(text: string, values: unknown[] = []): Promise<{ rows: unknown[] }> {
    const timeoutMs = /\bconcurrently\b/i.test(text) ? INDEX_TIMEOUT_MS : MAINTENANCE_TIMEOUT_MS;
    return await (isScript(text)
      ? this.#scripts.run((query) => query((sql) => runStatement(sql, text, [])), timeoutMs)
      : this.query((sql) => runStatement(sql, text, values), timeoutMs));
  }

  /** Keeps what pg-boss wants to hear, until somebody wants to hear it: {@linkcode onArrival}. */
  // deno-lint-ignore require-await -- the interface is pg-boss's
  async listen(
    channel: string,
    onNotification: (payload: string) => void,
    onReconnect: () => void,
  ): Promise<{ close(): Promise<void> }> {
    const tell = (task?: string) => this.#arrivalHandlers.forEach((handler) => handler(task));
    this.#listening = () =>
      new Arrivals({
        url: this.#options.directUrl,
        channel,
        onArrival: (task) => {
          onNotification(task);
          tell(task);
        },
        onListening: () => {
          onReconnect();
          tell();
        },
        warn: this.#options.warn,
      });
    return { close: () => this.#stopListening() };
  }

  /**
   * Is told when jobs of a task have arrived, or, without its name, when any may have. The first
   * one to want to know opens the connection that listens.
   */
  onArrival(handler: (task?: string) => void, signal: AbortSignal): void {
    this.#arrivalHandlers.add(handler);
    signal.addEventListener("abort", () => this.#arrivalHandlers.delete(handler), { once: true });
    this.#arrivals ??= this.#listening?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#stopListening();
    await Promise.all([
      this.#transactions[Symbol.asyncDispose](),
      this.#scripts[Symbol.asyncDispose](),
      this.#sql.end({ timeout: 1 }),
    ]);
  }

  async #stopListening(): Promise<void> {
    const arrivals = this.#arrivals;
    this.#arrivals = undefined;
    await arrivals?.[Symbol.asyncDispose]();
  }

  get #prepare(): boolean {
    const { url, directUrl } = this.#options;
    // A pooler in transaction mode and prepared statements do not go together.
    return url === directUrl;
  }

  #open(): void {
    this.#sql = connectTasks(this.#options.url, { max: POOL_MAX, prepare: this.#prepare });
    this.#turns = turns(this.#prepare, POOL_MAX);
  }

  #discard(sql: Sql): void {
    if (sql !== this.#sql || this.#closed) return;
    this.#open();
    // It may never answer: what is pending on it is rejected, nobody waits for it.
    sql.end({ timeout: 0 }).catch(() => {});
  }
}

/** Opens postgres.js with the types that pg-boss relies on. */
export function connectTasks(
  url: string,
  { max, prepare, onclose }: {
    readonly max: number;
    readonly prepare: boolean;
    readonly onclose?: () => void;
  },
): Sql {
  return postgres(url, {
    max,
    prepare,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_BACKOFF_S,
    connection: { application_name: CONNECTION_NAME },
    onnotice: () => {},
    ...onclose ? { onclose } : {},
    fetch_types: false,
    types: {
      ...arrayTypes,
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
      // pg-boss sends texts that are JSON already, and now and then an object.
      json: {
        to: 3802,
        from: [114, 3802],
        parse: JSON.parse,
        serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
      },
    },
  }) as unknown as Sql;
}

/** A statement of pg-boss, on any connection. */
export async function runStatement(
  sql: Sql,
  text: string,
  values: unknown[],
): Promise<{ rows: unknown[] }> {
  // Without parameters it is a simple query, which may hold several statements.
  const result =
    await (values.length === 0
      ? sql.unsafe(text)
      : sql.unsafe(text, values as postgres.ParameterOrJSON<never>[]));
  return { rows: [...closeGap(result)].flat() };
}

/** Whether it begins and commits by itself: then it has to stay on one connection. */
export function isScript(text: string): boolean {
  return /^\s*begin\b/i.test(text);
}
