import pLimit from "p-limit";
import postgres from "postgres";

/** Which database, and how to reach it; shared by all connections of a bus or a store. */
export interface ConnectionOptions {
  /** The database; may be a pooler. */
  readonly url: string;
  /** The database itself, for LISTEN and migrations. @default {url} */
  readonly directUrl?: string;
  /**
   * More of what postgres.js takes to reach the database: `ssl`, `password` as a function, … What
   * changes the meaning of statements and of their results, or hears of them, is not taken over:
   * `transform`, `types`, `fetch_types`, `debug`, `onnotice`, `onnotify`, `onclose`, `onparameter`,
   * `publications`, `max`. @default {}
   */
  // deno-lint-ignore ban-types -- postgres.js's own type for options without custom types
  readonly connection?: postgres.Options<{}>;
}

const CONNECT_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 250;
const CLOSE_TIMEOUT_S = 0.5;

/** Opens one connection of this library's, lazily, as postgres.js does. */
export function openConnection(
  url: string,
  name: string,
  { connection = {} }: Pick<ConnectionOptions, "connection">,
  own: Readonly<Record<string, unknown>> = {},
): postgres.Sql {
  const reach: Record<string, unknown> = { ...connection };
  for (const option of NOT_TAKEN_OVER) delete reach[option];
  return postgres(url, {
    ...reach,
    max: 1,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    ...own,
    connection: { ...connection.connection, application_name: name },
  } as postgres.Options<Record<string, never>>);
}

// An application's `transform: postgres.camel` would rename the columns that the statements here
// read; `types` and `fetch_types` would change their values.
const NOT_TAKEN_OVER = [
  "transform",
  "types",
  "fetch_types",
  "debug",
  "onnotice",
  "onnotify",
  "onclose",
  "onparameter",
  "publications",
  "max",
];

/**
 * One connection, opened when first needed, with a time-out on each statement, and replaced on any
 * error of the connection: the old one may have been swallowed by the network.
 */
export class Connection {
  readonly #open: () => OpenConnection;
  #opened: OpenConnection | undefined;
  #closed = false;

  /** @param name tells it apart in `pg_stat_activity` */
  constructor(options: ConnectionOptions, name: string) {
    const { url, directUrl = url } = options;
    // A pooler in transaction mode and prepared statements do not go together.
    const prepare = directUrl === url;
    const backoff = () => RECONNECT_DELAY_MS / 1000;
    this.#open = () => ({
      sql: openConnection(url, name, options, { prepare, backoff }),
      // Nor does a pooler with a statement that is sent behind another one: without preparing,
      // postgres.js asks for the types of parameters with a Flush, and the end of the statement
      // before makes the pooler take the server away (pgbouncer/pgbouncer#759).
      inTurn: prepare ? (query) => query() : pLimit(1),
    });
  }

  /**
   * Runs a query, at most five seconds.
   *
   * @throws {Error} the database's error, or that no answer came
   */
  async run<T>(query: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    if (this.#closed) throw new Error("Cannot query: the connection is closed");
    const opened = this.#opened ??= this.#open();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`No answer within ${STATEMENT_TIMEOUT_MS} ms`)),
      STATEMENT_TIMEOUT_MS,
    );
    try {
      return closeGap(await Promise.race([opened.inTurn(() => query(opened.sql)), late.promise]));
    } catch (error) {
      if (!isAnswer(error) && this.#opened === opened) {
        this.#opened = undefined;
        opened.sql.end({ timeout: 0 }).catch(() => {});
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opened?.sql.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

interface OpenConnection {
  readonly sql: postgres.Sql;
  /** Runs a query as soon as it may be sent. */
  readonly inTurn: <T>(query: () => PromiseLike<T>) => PromiseLike<T>;
}

/**
 * Whether the server itself answered with an error, and the connection is as good as before. The
 * server translates the local severity; a pooler's own errors may have no other.
 */
function isAnswer(error: unknown): boolean {
  const { name, severity_local: local, severity = local } = error as Partial<
    postgres.PostgresError
  >;
  return name === "PostgresError" && severity !== "FATAL" && severity !== "PANIC";
}

/** The SQLSTATE that the server answered with; empty when it did not answer, or breaks off. */
export function answeredState(error: unknown): string {
  return isAnswer(error) ? (error as { code: string }).code : "";
}

/**
 * After an error in the middle of rows postgres.js 3.4.9 begins the next result with as many holes.
 * (`src/db/close_gap.ts` tells more; this library imports nothing of the application.)
 */
function closeGap<T>(result: T): T {
  if (Array.isArray(result) && result.length > 0 && !(0 in result)) {
    result.splice(0, result.findIndex((_, index) => index in result));
  }
  return result;
}
