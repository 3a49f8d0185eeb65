import pLimit from "p-limit";
import { closeGap } from "../db/close_gap.ts";
import { DatabaseTimeoutError } from "../db/errors.ts";
import type { Sql } from "../db/pool.ts";

/** A connection that nobody else uses meanwhile. */
export interface Solo {
  readonly sql: Sql;
  /** @throws {Error} `CONNECTION_CLOSED`, once what was begun on it is lost */
  assertOpen(): void;
}

const END_TIMEOUT_S = 1;

/**
 * A connection for what must not be torn apart, a transaction or a script, one at a time; opened for
 * each of them, and closed whatever becomes of it, which is also how an unfinished one is rolled back.
 *
 * It takes the place of `begin` and `reserve` of postgres.js 3.4.9. Both go on writing to a
 * connection that has closed: that is an uncaught error, which ends the process with all its sockets.
 */
export class SoloConnection implements AsyncDisposable {
  readonly #connect: (onclose: () => void) => Sql;
  readonly #inTurn = pLimit(1);
  #sql: Sql | undefined;
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
  run<T>(what: (solo: Solo) => Promise<T>, timeoutMs: number): Promise<T> {
    return this.#inTurn(async () => {
      if (this.#closed) throw lostConnection();
      let lost = false;
      const sql = this.#sql = this.#connect(() => lost = true);
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new DatabaseTimeoutError(timeoutMs)), timeoutMs);
      const assertOpen = () => {
        if (lost) throw lostConnection();
      };
      try {
        return closeGap(await Promise.race([what({ sql, assertOpen }), late.promise]));
      } finally {
        clearTimeout(timer);
        lost = true;
        this.#sql = undefined;
        await sql.end({ timeout: END_TIMEOUT_S });
      }
    });
  }

  /** What is under way gets a second to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#sql?.end({ timeout: END_TIMEOUT_S });
  }
}

function lostConnection(): Error {
  const error = new Error("Cannot go on: the connection to the database was lost");
  return Object.assign(error, { code: "CONNECTION_CLOSED" });
}
