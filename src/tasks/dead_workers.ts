import type { TasksDatabase } from "./database.ts";
import type { TaskEvents } from "./events.ts";

/** Options of {@linkcode DeadWorkers}. */
export interface DeadWorkersOptions {
  readonly database: TasksDatabase;
  readonly events: TaskEvents;
  /** A worker that gives no sign for this long is dead. */
  readonly timeoutMs: number;
  /** How often it is looked. */
  readonly intervalMs: number;
}

interface Seen {
  readonly sign: string;
  readonly since: number;
}

interface ActiveRow {
  readonly id: string;
  readonly name: string;
  readonly sign: string;
}

/** What a job's error says when nobody was left to say more. */
const LOST = JSON.stringify({
  error: { name: "WorkerLostError", message: "The worker that ran it was lost" },
});

/**
 * Takes jobs from workers that died. A worker signs its jobs every second; where the same sign is
 * seen for too long, by this process's own steady clock, the job goes back to those that wait, or
 * has failed when it had no more attempts: a task that ends its process must not do so for ever.
 *
 * No clocks are compared, and after an interruption the time counts anew: while the database was
 * away, or stood still, nobody could sign.
 */
export class DeadWorkers {
  readonly #options: DeadWorkersOptions;
  #seen = new Map<string, Seen>();
  #lookedAt = -Infinity;

  constructor(options: DeadWorkersOptions) {
    this.#options = options;
  }

  /** Returns how many jobs were taken back. */
  async look(): Promise<number> {
    const { database, timeoutMs, intervalMs } = this.#options;
    const rows = await database.query((sql) =>
      sql<ActiveRow[]>`
        select id, name, concat(retry_count, ' ', heartbeat_on) as sign
        from tasks.job where state = 'active'`
    );
    const now = performance.now();
    const interrupted = now - this.#lookedAt > 2 * intervalMs;
    this.#lookedAt = now;
    const seen = new Map<string, Seen>();
    for (const { id, sign } of rows) {
      const before = this.#seen.get(id);
      const same = !interrupted && before?.sign === sign;
      seen.set(id, same ? before : { sign, since: now });
    }
    this.#seen = seen;
    const dead = rows.filter(({ id }) => now - (seen.get(id)?.since ?? now) > timeoutMs);
    return dead.length === 0 ? 0 : await this.#takeBack(dead);
  }

  async #takeBack(dead: readonly ActiveRow[]): Promise<number> {
    const { database, events } = this.#options;
    // Nobody else may have found them first, nor their worker have come back.
    const rows = await database.query((sql) =>
      sql<{ id: string; name: string; state: string; message: string }[]>`
        update tasks.job j
        set state = case when retry_count < retry_limit then 'retry' else 'failed' end
              ::tasks.job_state,
          completed_on = case when retry_count < retry_limit then null else now() end,
          start_after = now(), output = ${LOST}::text::jsonb
        from json_to_recordset(${JSON.stringify(dead)}::text::json)
          as d (id uuid, name text, sign text)
        where j.name = d.name and j.id = d.id and j.state = 'active'
          and concat(retry_count, ' ', heartbeat_on) = d.sign
        returning j.id, j.name, j.state::text, j.output->'error'->>'message' as message`
    );
    for (const { id, name: task, state, message } of rows) {
      if (state === "failed") events.send({ type: "task.failed", id, task, message });
    }
    return rows.length;
  }
}
