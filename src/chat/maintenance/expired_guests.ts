import { z } from "zod";
import { defineTask, type Task } from "../../tasks/mod.ts";
import { onOwnPool, type PoolSource } from "./own_pool.ts";

/** A guest who has said nothing and was not seen for so many days is removed. */
export const GUEST_KEPT_DAYS = 90;

/** So many in one statement: each is a row to lock and to look for in other tables. */
const BATCH = 20_000;
/** It reads all messages once: who has spoken is in no index, since that would cost every message. */
const STATEMENT_TIMEOUT_MS = 1_800_000;
const TIMEOUT_MS = 3 * 3_600_000;

/**
 * Removes guests whom nobody will miss: they have not been seen for some time, have said nothing,
 * and are nothing in any room. What was said stays readable, and stays its sender's.
 *
 * Whoever comes back with the cookie of a removed guest is a new one.
 */
export function expiredGuestsTask(
  source: PoolSource,
): Task<{ readonly days: number }, { readonly removed: number }> {
  return defineTask({
    name: "maru.guests",
    input: z.strictObject({ days: z.int().min(1) }),
    uniqueKey: () => "all",
    timeoutMs: TIMEOUT_MS,
    run: ({ days }, { signal }) =>
      onOwnPool(source, signal, async (pool) => {
        let removed = 0;
        for (;;) {
          // Somebody who is seen in this moment has a young seen_at by the time of the delete, which
          // looks at the row again.
          const rows = await pool.query((sql) =>
            sql`
              with expired as (
                select u.id from users u
                where u.is_guest and u.seen_at < now() - make_interval(days => ${days})
                  and not exists (select from members m where m.user_id = u.id)
                  and not exists (select from messages m where m.sender_id = u.id)
                limit ${BATCH}
              )
              delete from users u using expired e
              where u.id = e.id and u.seen_at < now() - make_interval(days => ${days})
              returning u.id`, STATEMENT_TIMEOUT_MS);
          removed += rows.length;
          if (rows.length < BATCH) return { removed };
        }
      }),
  });
}
