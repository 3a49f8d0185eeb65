import type { TasksDatabase, Transaction } from "./database.ts";

/** A deed is remembered for this long. */
const FORGOTTEN_AFTER_DAYS = 30;
const KEY_MAX_LENGTH = 500;

/**
 * Does something once, however often the task that does it runs: the key is written in the same
 * transaction as what is done, so that both are, or neither. Returns `undefined` when it has been
 * done before; keys are remembered for 30 days.
 *
 * The same key at the same time waits for the other transaction to end.
 *
 * @example
 * ```ts
 * import { defineTask, once } from "./mod.ts";
 * import postgres from "postgres";
 * import { z } from "zod";
 *
 * declare const sql: postgres.Sql;
 *
 * const pay = defineTask({
 *   name: "pay",
 *   input: z.object({ account: z.string(), amount: z.number() }),
 *   async run({ account, amount }, { job }) {
 *     await sql.begin((tx) =>
 *       once(tx, `pay ${job.id}`, async () => {
 *         await tx`update accounts set balance = balance - ${amount} where id = ${account}`;
 *       })
 *     );
 *   },
 * });
 * ```
 *
 * @throws {RangeError} when the key is empty or longer than 500 characters
 */
export async function once<T>(
  transaction: Transaction,
  key: string,
  deed: () => T | Promise<T>,
): Promise<T | undefined> {
  if (key === "" || key.length > KEY_MAX_LENGTH) {
    throw new RangeError(
      `Cannot do "${
        key.slice(0, KEY_MAX_LENGTH)
      }" once: a key has 1 to ${KEY_MAX_LENGTH} characters`,
    );
  }
  const rows = await transaction.unsafe(
    "insert into tasks.once (key) values ($1) on conflict do nothing returning key",
    [key],
  );
  return rows.length === 0 ? undefined : await deed();
}

/** Forgets deeds of long ago. */
export async function forgetOnce(database: TasksDatabase): Promise<void> {
  await database.query((sql) =>
    sql`delete from tasks.once where done_at < now() - ${FORGOTTEN_AFTER_DAYS} * interval '1 day'`
  );
}
