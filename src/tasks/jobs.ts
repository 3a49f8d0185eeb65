import type { TasksDatabase } from "./database.ts";
import type { TaskEvents } from "./events.ts";
import {
  JOB_COLUMNS,
  type JobInfo,
  jobInfo,
  type JobRow,
  type JobState,
  STATES_OF,
} from "./job_info.ts";

/** Options of a list of jobs. */
export interface JobListOptions {
  /** In which state. */
  readonly state: JobState;
  /** Of which task. @default all */
  readonly task?: string;
  /** How many at most. @default 100 */
  readonly limit?: number;
}

/** The jobs of one task in figures. */
export interface QueueOverview {
  /** The task's name. */
  readonly task: string;
  /** Due and not started. */
  readonly waiting: number;
  /** Not yet due: for later, or to be tried again. */
  readonly deferred: number;
  /** Running. */
  readonly active: number;
  /** Failed for good, in the last 30 days. */
  readonly failed: number;
  /** Done in the last minute, where the results are still kept. */
  readonly doneLastMinute: number;
  /** Done in the last hour, where the results are still kept. */
  readonly doneLastHour: number;
  /** How long the oldest due one has been waiting, in ms; 0 when none waits. */
  readonly oldestWaitingMs: number;
}

const DEFAULT_LIMIT = 100;
/** A cancelled job is kept this long. */
const KEEP_CANCELLED_S = 86_400;
/** One that is tried again by hand has this long until it would be thrown away. */
const KEEP_RETRIED_S = 365 * 86_400;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const UNIQUE_VIOLATION = "23505";

/** All jobs, of whatever task: what people look at and decide about. */
export class Jobs {
  readonly #database: TasksDatabase;
  readonly #events: TaskEvents;

  constructor(database: TasksDatabase, events: TaskEvents) {
    this.#database = database;
    this.#events = events;
  }

  async show(id: string): Promise<JobInfo | null> {
    if (!UUID.test(id)) return null;
    // The primary key begins with the name.
    const [row] = await this.#database.query((sql) =>
      sql<JobRow[]>`
        select ${sql.unsafe(JOB_COLUMNS)} from tasks.queue q
        join tasks.job j on j.name = q.name and j.id = ${id}`
    );
    return row === undefined ? null : jobInfo(row);
  }

  /** Those that finished last first; else in the order in which they are due. */
  async list({ state, task, limit = DEFAULT_LIMIT }: JobListOptions): Promise<JobInfo[]> {
    const order = state === "waiting" || state === "running"
      ? "j.start_after, j.created_on"
      : "j.completed_on desc";
    const states = STATES_OF[state].map((name) => `'${name}'`).join(", ");
    const rows = await this.#database.query((sql) =>
      sql<JobRow[]>`
        select ${sql.unsafe(JOB_COLUMNS)} from tasks.job j
        where j.state in (${sql.unsafe(states)})
          ${task === undefined ? sql`` : sql`and j.name = ${task}`}
        order by ${sql.unsafe(order)} limit ${limit}`
    );
    return rows.map(jobInfo);
  }

  async overview(): Promise<QueueOverview[]> {
    const rows = await this.#database.query((sql) =>
      sql<(QueueOverview & { oldestWaitingMs: number })[]>`
        select q.name as task, queued.waiting, queued.deferred, running.active, failed.failed,
          done.minute as "doneLastMinute", done.hour as "doneLastHour",
          coalesce(greatest(0, extract(epoch from now() - queued.oldest) * 1000), 0)::float8
            as "oldestWaitingMs"
        from tasks.queue q,
        lateral (
          select count(*) filter (where start_after <= now()) as waiting,
            count(*) filter (where start_after > now()) as deferred,
            min(start_after) filter (where start_after <= now()) as oldest
          from tasks.job j where j.name = q.name and j.state < 'active' and not j.blocked
        ) queued,
        lateral (
          select count(*) as active from tasks.job j where j.name = q.name and j.state = 'active'
        ) running,
        lateral (
          select count(*) as failed from tasks.job j where j.name = q.name and j.state = 'failed'
        ) failed,
        lateral (
          select count(*) as hour,
            count(*) filter (where completed_on > now() - interval '1 minute') as minute
          from tasks.job j
          where j.name = q.name and j.state = 'completed'
            and j.completed_on > now() - interval '1 hour'
        ) done
        where q.name not like '\\_\\_pgboss\\_\\_%'
        order by q.name`
    );
    return [...rows];
  }

  /** Returns whether it waited or ran. */
  async cancel(id: string): Promise<boolean> {
    if (!UUID.test(id)) return false;
    for (;;) {
      const [row] = await this.#database.query((sql) =>
        sql<{ name: string }[]>`
          update tasks.job j
          set state = 'cancelled', completed_on = now(), output = null,
            deletion_seconds = ${KEEP_CANCELLED_S}
          from tasks.queue q
          where j.name = q.name and j.id = ${id} and j.state < 'completed'
          returning j.name`
      );
      if (row !== undefined) {
        this.#events.send({ type: "task.cancelled", id, task: row.name });
        return true;
      }
      // pg-boss deletes a job that fails, and inserts it again: we may have met the deleted one.
      const now = await this.show(id);
      if (now?.state !== "waiting" && now?.state !== "running") return false;
    }
  }

  /**
   * Queues a failed job once more, as it was. Returns whether there was such a one.
   *
   * @throws {Error} when another job with its unique key waits or runs
   */
  async retry(id: string): Promise<boolean> {
    if (!UUID.test(id)) return false;
    try {
      const rows = await this.#database.query((sql) =>
        sql`
          update tasks.job j
          set state = 'retry', retry_limit = retry_count + 1, completed_on = null,
            start_after = now(), keep_until = now() + ${KEEP_RETRIED_S} * interval '1 s'
          from tasks.queue q
          where j.name = q.name and j.id = ${id} and j.state = 'failed'
          returning j.id`
      );
      return rows.length > 0;
    } catch (error) {
      if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
      throw new Error(
        `Cannot retry job "${id}": another job with its unique key waits or runs`,
        { cause: error },
      );
    }
  }
}
