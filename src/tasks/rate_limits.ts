import type { TasksDatabase } from "./database.ts";
import type { TaskRateLimit } from "./task.ts";

/** What may start of a task with a rate limit. */
export interface RateGrant {
  /** How many now. */
  readonly granted: number;
  /** When to ask again where none may, in ms. */
  readonly waitMs: number;
}

// Above ten a second, starts are granted together, so that each need not be asked for.
const SLICE_MS = 100;
const WAIT_MIN_MS = 5;

/**
 * Rate limits over all workers: the generic cell rate algorithm on one row a task, which holds the
 * time of the next start.
 *
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export class RateLimits {
  readonly #database: TasksDatabase;

  constructor(database: TasksDatabase) {
    this.#database = database;
  }

  /** Takes leave for up to `wanted` starts. */
  async take(task: string, wanted: number, { limit, perMs }: TaskRateLimit): Promise<RateGrant> {
    const intervalMs = perMs / limit;
    const granted = Math.min(wanted, Math.max(1, Math.floor(SLICE_MS / intervalMs)));
    const [row] = await this.#database.query((sql) =>
      sql<{ taken: boolean; wait: number | null }[]>`
        with taken as (
          insert into tasks.rate_limits as r (task, next_at)
          values (${task}, clock_timestamp() + ${granted * intervalMs} * interval '1 ms')
          on conflict (task) do update set next_at = excluded.next_at
          where r.next_at <= clock_timestamp()
          returning task
        )
        select exists (select from taken) as taken, (
          select extract(epoch from next_at - clock_timestamp()) * 1000
          from tasks.rate_limits where task = ${task}
        )::float8 as wait`
    );
    if (row?.taken) return { granted, waitMs: granted * intervalMs };
    return { granted: 0, waitMs: Math.max(row?.wait ?? 0, WAIT_MIN_MS) };
  }

  /** Gives back what was not used. */
  async giveBack(task: string, unused: number, { limit, perMs }: TaskRateLimit): Promise<void> {
    if (unused === 0) return;
    await this.#database.query((sql) =>
      sql`
        update tasks.rate_limits
        set next_at = next_at - ${unused * perMs / limit} * interval '1 ms' where task = ${task}`
    );
  }
}
