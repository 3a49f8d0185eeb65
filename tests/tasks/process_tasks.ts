import type postgres from "postgres";
import { z } from "zod";
import { defineTask, type Task } from "../../src/tasks/mod.ts";

/** Tasks that write down that they ran, for workers in processes of their own. */
export function processTasks(sql: postgres.Sql) {
  const record = (job: string) => sql`insert into runs (job, pid) values (${job}, ${Deno.pid})`;
  const count = defineTask({
    name: "count",
    input: z.number(),
    async run(n, { job }) {
      await record(job.id);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return n;
    },
  });
  const hang = defineTask({
    name: "hang",
    input: z.object({ firstOnly: z.boolean() }),
    async run({ firstOnly }, { job, signal }) {
      await record(job.id);
      if (firstOnly && job.attempt > 1) return job.attempt;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw signal.reason;
    },
  });
  const exit = defineTask({
    name: "exit",
    input: z.object({}),
    retries: 1,
    async run(_, { job }) {
      await record(job.id);
      Deno.exit(3);
    },
  });
  return { count, hang, exit } satisfies Record<string, Task>;
}
