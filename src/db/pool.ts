import postgres from "postgres";
import { closeGap } from "./close_gap.ts";
import { DatabaseTimeoutError } from "./errors.ts";
import { type Turns, turns } from "./turns.ts";

/** A postgres.js instance whose `bigint` columns are numbers: no counter of Maru passes 2^53. */
export type Sql = postgres.Sql<{ bigint: number }>;

/** What a {@linkcode Pool} is opened with. */
export interface PoolOptions {
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  /** How many connections at most. @default 1 */
  readonly max?: number;
  /** Whether statements are prepared; not through a pooler in transaction mode. @default true */
  readonly prepare?: boolean;
  /** How long one query may take before the pool is thought dead, in ms. @default 5000 */
  readonly timeoutMs?: number;
}

const DEFAULT_MAX = 1;
const CONNECT_TIMEOUT_S = 5;
const RECONNECT_BACKOFF_S = 0.1;
const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Connections to the database that can be thrown away whole.
 *
 * postgres.js waits for ever on a connection that the network swallowed. So each query has a
 * time-out here, and one that passes it takes its whole postgres.js instance along: the other
 * queries on it fail as closed connections do, and the next query opens a new one.
 *
 * @example
 * ```ts
 * await using readers = new Pool("postgres://localhost/maru", { name: "maru-reader", max: 4 });
 * const [row] = await readers.query((sql) => sql`select 1 as one`);
 * ```
 */
export class Pool implements AsyncDisposable {
  readonly #url: string;
  readonly #options: PoolOptions;
  #sql!: Sql;
  #turns!: Turns;
  #closed = false;

  constructor(url: string, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
    this.#open();
  }

  /**
   * Runs one query, within the time-out.
   *
   * @throws {DatabaseTimeoutError} when no answer came in time
   */
  async query<T>(run: (sql: Sql) => PromiseLike<T>, timeoutMs?: number): Promise<T> {
    const limit = timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const sql = this.#sql;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new DatabaseTimeoutError(limit));
      this.#discard(sql);
    }, limit);
    try {
      return closeGap(await Promise.race([this.#turns(() => run(sql)), late.promise]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes all connections; queries under way get a second to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#sql.end({ timeout: 1 });
  }

  #open(): void {
    const { prepare = true, max = DEFAULT_MAX } = this.#options;
    this.#sql = connect(this.#url, this.#options);
    this.#turns = turns(prepare, max);
  }

  #discard(sql: Sql): void {
    if (sql !== this.#sql || this.#closed) return;
    this.#open();
    // It may never answer: what is pending on it is rejected, nobody waits for it.
    sql.end({ timeout: 0 }).catch(() => {});
  }
}

/** Opens a plain postgres.js instance with the settings that all of Maru's connections share. */
export function connect(url: string, options: PoolOptions): Sql {
  return postgres(url, {
    max: options.max ?? DEFAULT_MAX,
    prepare: options.prepare ?? true,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_BACKOFF_S,
    connection: { application_name: options.name },
    onnotice: () => {},
    // Asking the catalogue for array types would be a round trip on every new connection.
    fetch_types: false,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  }) as unknown as Sql;
}
