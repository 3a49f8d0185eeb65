import postgres from "postgres";

/** Which database, and how to reach it; shared by all connections of a bus or a store. */
export interface ConnectionOptions {
  /** The database; may be a pooler. */
  readonly url: string;
  /** The database itself, for LISTEN and migrations. @default {url} */
  readonly directUrl?: string;
  /** More of what postgres.js takes: `ssl`, `password` as a function, … @default {} */
  // deno-lint-ignore ban-types -- postgres.js's own type for options without custom types
  readonly connection?: postgres.Options<{}>;
}

const CONNECT_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 250;

/** Opens one connection of this library's, lazily, as postgres.js does. */
export function openConnection(
  url: string,
  name: string,
  { connection = {} }: Pick<ConnectionOptions, "connection">,
  own: Readonly<Record<string, unknown>> = {},
): postgres.Sql {
  return postgres(url, {
    ...connection,
    max: 1,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    ...own,
    connection: { ...connection.connection, application_name: name },
  } as postgres.Options<Record<string, never>>);
}

/**
 * One connection, opened when first needed, with a time-out on each statement, and replaced on any
 * error of the connection: the old one may have been swallowed by the network.
 */
export class Connection {
  readonly #open: () => postgres.Sql;
  #sql: postgres.Sql | undefined;
  #closed = false;

  /** @param name tells it apart in `pg_stat_activity` */
  constructor(options: ConnectionOptions, name: string) {
    const { url, directUrl = url } = options;
    this.#open = () =>
      openConnection(url, name, options, {
        // A pooler in transaction mode and prepared statements do not go together.
        prepare: directUrl === url,
        backoff: () => RECONNECT_DELAY_MS / 1000,
      });
  }

  /**
   * Runs a query, at most five seconds.
   *
   * @throws {Error} the database's error, or that no answer came
   */
  async run<T>(query: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    if (this.#closed) throw new Error("Cannot query: the connection is closed");
    const sql = this.#sql ??= this.#open();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`No answer within ${STATEMENT_TIMEOUT_MS} ms`)),
      STATEMENT_TIMEOUT_MS,
    );
    try {
      return closeGap(await Promise.race([query(sql), late.promise]));
    } catch (error) {
      if (!isAnswer(error) && this.#sql === sql) {
        this.#sql = undefined;
        sql.end({ timeout: 0 }).catch(() => {});
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sql?.end({ timeout: 1 });
  }
}

/** Whether the server itself answered with an error, and the connection is as good as before. */
function isAnswer(error: unknown): boolean {
  const { name, severity_local: severity } = error as { name?: string; severity_local?: string };
  return name === "PostgresError" && severity !== "FATAL" && severity !== "PANIC";
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
