import { z } from "zod";
import { defineTask, type Task } from "../../tasks/mod.ts";
import { onOwnPool, type PoolSource } from "./own_pool.ts";

/**
 * Removes what the channel layer left behind: instances and members that died with nobody there to
 * notice, and messages of queue channels that nobody wanted in time. While instances are alive they
 * do so themselves.
 */
export function channelLeftoversTask(
  source: PoolSource,
): Task<Record<string, never>, { readonly instances: number; readonly messages: number }> {
  return defineTask({
    name: "maru.channels",
    input: z.strictObject({}),
    uniqueKey: () => "all",
    run: (_input, { signal }) =>
      onOwnPool(source, signal, async (pool) => {
        const [row] = await pool.query((sql) =>
          sql<{ instances: number; messages: number }[]>`
            with dead as (
              delete from channels.instances
              where seen_at < clock_timestamp() - interval '1 minute' returning 1
            ), ended as (
              delete from channels.memberships where until < clock_timestamp()
            ), expired as (
              delete from channels.queue where id in (
                select id from channels.queue where expires_at < clock_timestamp()
                for update skip locked)
              returning 1
            )
            select (select count(*) from dead) as instances,
              (select count(*) from expired) as messages`
        );
        return { instances: row!.instances, messages: row!.messages };
      }),
  });
}
