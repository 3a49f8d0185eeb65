import pLimit from "p-limit";
import postgres from "postgres";
import { inTime } from "../time_limit.ts";

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
   * `publications`, `max`. Nor is what says how long a connection may take or live, since this
   * library replaces it itself: `connect_timeout` (5 s here), `max_lifetime`, `idle_timeout` (none).
   * @default {}
   */
  // deno-lint-ignore ban-types -- postgres.js's own type for options without custom types
  readonly connection?: postgres.Options<{}>;
}

const CONNECT_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 250;
const CLOSE_TIMEOUT_S = 0.5;
// The server works at one after the other: more would gain nothing unless it is far away, and of
// these each may take 300 ms before the last one's time is over. It is one until a connection has
// answered: of what postgres.js 3.4.9 holds back while it connects it sends but the half, and the
// rest only when nothing else is under way.
const IN_FLIGHT_MAX = 16;
// Whoever waited for the lock of a queue has to see what was committed meanwhile, whatever the
// default of the database or the role.
const READ_COMMITTED = { default_transaction_isolation: "read committed" };
const CLOSED = "Cannot query: the connection is closed";
// What is as late as this is taken for lost.
const NO_ANSWER = `No answer within ${STATEMENT_TIMEOUT_MS} ms`;

/** Opens one connection of this library's, lazily, as postgres.js does. */
export function openConnection(
  url: string,
  name: string,
  { connection = {} }: Pick<ConnectionOptions, "connection">,
  own: Readonly<Record<string, unknown>> = {},
  settings: Readonly<Record<string, string>> = {},
): postgres.Sql {
  const reach: Record<string, unknown> = { ...connection };
  for (const option of NOT_TAKEN_OVER) delete reach[option];
  return postgres(url, {
    ...reach,
    max: 1,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_S,
    max_lifetime: null,
    idle_timeout: 0,
    onnotice: () => {},
    ...own,
    connection: { ...connection.connection, ...settings, application_name: name },
  } as postgres.Options<Record<string, never>>);
}

// An application's `transform: postgres.camel` would rename the columns that the statements here
// read; `types` and `fetch_types` would change their values. A connection that postgres.js opens anew
// by itself may leave some of the statements behind all that come later (see IN_FLIGHT_MAX).
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
  "connect_timeout",
  "max_lifetime",
  "idle_timeout",
];

/**
 * One connection, opened when first needed, with a time-out on each statement, and replaced on any
 * error of the connection: the old one may have been swallowed by the network.
 *
 * It has so many statements under way at once; the others wait for their turn, for as long as the
 * server goes on answering. When the connection fails, those under way fail, and those that wait go
 * on, on the next one; but where it never answered at all, the server is taken for away, and they
 * fail with the same error: one after the other they would wait for hours.
 */
export class Connection {
  readonly #open: () => OpenConnection;
  readonly #inFlightMax: number;
  /** Who may send. */
  readonly #turns = pLimit({ concurrency: 1, rejectOnClear: true });
  /** Who comes to their turn in the order of the calls, behind those who go first. */
  readonly #line = pLimit({ concurrency: 1, rejectOnClear: true });
  #opened: OpenConnection | undefined;
  #closed = false;
  #ended = false;
  /** Why whoever waited for a turn does not get one. */
  #failure: unknown;

  /** @param name tells it apart in `pg_stat_activity` */
  constructor(options: ConnectionOptions, name: string) {
    const { url, directUrl = url } = options;
    // A pooler in transaction mode and prepared statements do not go together.
    const prepare = directUrl === url;
    const backoff = () => RECONNECT_DELAY_MS / 1000;
    // A pooler refuses settings that it does not know.
    const settings = prepare ? READ_COMMITTED : {};
    this.#open = () => ({
      sql: openConnection(url, name, options, { prepare, backoff }, settings),
      answered: false,
    });
    // Nor does a pooler with a statement that is sent behind another one: without preparing,
    // postgres.js asks for the types of parameters with a Flush, and the end of the statement
    // before makes the pooler take the server away (pgbouncer/pgbouncer#759).
    this.#inFlightMax = prepare ? IN_FLIGHT_MAX : 1;
  }

  /**
   * Runs a query when its turn comes, and then at most five seconds.
   *
   * @param options `first`: before all that wait without it. For one at a time, such as a heartbeat
   * @throws {Error} the database's error, or that no answer came
   */
  async run<T>(
    query: (sql: postgres.Sql) => PromiseLike<T>,
    { first = false }: { readonly first?: boolean } = {},
  ): Promise<T> {
    if (this.#closed) throw new Error(CLOSED);
    let begun = false;
    const send = () => {
      begun = true;
      return this.#send(query);
    };
    try {
      // Where nobody waits there is no line to stand in.
      const now = first || this.#line.pendingCount + this.#turns.pendingCount === 0;
      return await (now ? this.#turns(send) : this.#line(() => this.#turns(send)));
    } catch (error) {
      throw begun ? error : this.#failure;
    }
  }

  /** Ends within a second: what waits has half of it to begin, and what is under way to end. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#line.pendingCount > 0) {
      const timer = setTimeout(() => this.#failWaiting(new Error(CLOSED)), CLOSE_TIMEOUT_S * 1000);
      // Last in the line.
      await this.#line(() => {}).catch(() => {});
      clearTimeout(timer);
    }
    this.#ended = true;
    await this.#opened?.sql.end({ timeout: CLOSE_TIMEOUT_S });
  }

  async #send<T>(query: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    if (this.#ended) throw new Error(CLOSED);
    const opened = this.#opened ??= this.#open();
    try {
      const result = closeGap(await inTime(query(opened.sql), STATEMENT_TIMEOUT_MS, NO_ANSWER));
      this.#answered(opened);
      return result;
    } catch (error) {
      if (isAnswer(error)) this.#answered(opened);
      else this.#drop(opened, error);
      throw error;
    }
  }

  #answered(opened: OpenConnection): void {
    if (opened.answered || this.#opened !== opened) return;
    opened.answered = true;
    this.#limit(this.#inFlightMax);
  }

  #limit(inFlight: number): void {
    this.#turns.concurrency = inFlight;
    this.#line.concurrency = inFlight;
  }

  #drop(opened: OpenConnection, error: unknown): void {
    if (this.#opened !== opened) return;
    this.#opened = undefined;
    this.#limit(1);
    opened.sql.end({ timeout: 0 }).catch(() => {});
    if (!opened.answered) this.#failWaiting(error);
  }

  #failWaiting(error: unknown): void {
    this.#failure = error;
    this.#line.clearQueue();
    this.#turns.clearQueue();
  }
}

interface OpenConnection {
  readonly sql: postgres.Sql;
  /** Whether the server ever did, if with an error. */
  answered: boolean;
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
