import pLimit from "p-limit";
import { closeGap } from "../db/close_gap.ts";
import { DatabaseTimeoutError } from "../db/errors.ts";
import type { Sql } from "../db/pool.ts";

/**
 * Runs a query on a connection that nobody else uses meanwhile; rejects with `CONNECTION_CLOSED` once
 * that, and what was begun on it, is lost.
 */
export type SoloQuery = <T>(run: (sql: Sql) => PromiseLike<T>) => Promise<T>;

const END_TIMEOUT_S = 1;

/**
 * A connection for what must not be torn apart, a transaction or a script, one at a time; opened for
 * each of them, and closed whatever becomes of it, which is also how an unfinished transaction is
 * rolled back. A script that took too long may go on in the server: its outcome is not known.
 *
 * It takes the place of `begin` and `reserve` of postgres.js 3.4.9. Both go on writing to a
 * connection that has closed: that is an uncaught error, which ends the process with all its sockets.
 * Nor does postgres.js settle what is sent between the error of a socket and its end: here it is.
 */
export class SoloConnection implements AsyncDisposable {
  readonly #connect: (onclose: () => void) => Sql;
  readonly #inTurn = pLimit(1);
  #underWay: { readonly sql: Sql; readonly lost: AbortController } | undefined;
  #closed = false;

  /** @param connect opens postgres.js with one connection at most */
  constructor(connect: (onclose: () => void) => Sql) {
    this.#connect = connect;
  }

  /**
   * Runs something on it when its turn has come.
   *
   * @throws {DatabaseTimeoutError} when it takes longer
   */
  run<T>(what: (query: SoloQuery) => Promise<T>, timeoutMs: number): Promise<T> {
    return this.#inTurn(async () => {
      if (this.#closed) throw lostConnection();
      const lost = new AbortController();
      const over = Promise.withResolvers<never>();
      over.promise.catch(() => {});
      lost.signal.addEventListener("abort", () => over.reject(lostConnection()));
      const sql = this.#connect(() => lost.abort());
      this.#underWay = { sql, lost };
      const timer = setTimeout(() => over.reject(new DatabaseTimeoutError(timeoutMs)), timeoutMs);
      const query: SoloQuery = async (run) => {
        // What is sent now would be done on the next connection, by itself.
        if (lost.signal.aborted) throw lostConnection();
        return closeGap(await Promise.race([run(sql), over.promise]));
      };
      try {
        return await Promise.race([what(query), over.promise]);
      } finally {
        clearTimeout(timer);
        lost.abort();
        await sql.end({ timeout: END_TIMEOUT_S });
        this.#underWay = undefined;
      }
    });
  }

  /** What is under way gets a second to end; resolves when nothing is left of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#underWay?.sql.end({ timeout: END_TIMEOUT_S });
    this.#underWay?.lost.abort();
    await this.#inTurn(() => {});
  }
}

function lostConnection(): Error {
  const error = new Error("Cannot go on: the connection to the database was lost");
  return Object.assign(error, { code: "CONNECTION_CLOSED" });
}
