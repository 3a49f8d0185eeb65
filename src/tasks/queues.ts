import type { Db, JobInsert, PgBoss } from "pg-boss";
import type { TasksDatabase, Transaction } from "./database.ts";
import { singletonKey } from "./job_info.ts";
import type { Task, TaskSettings } from "./task.ts";
import { HARD_LIMIT_AFTER_MS } from "./task.ts";

/** A job to be queued; its input is JSON. */
export interface NewJob {
  readonly id: string;
  readonly input: unknown;
  readonly priority: number;
  /** A time, or how many seconds from now. */
  readonly startAfter: string | undefined;
  readonly uniqueKey: string | undefined;
}

/** How long a failed job is kept for people to look at. */
const KEEP_FAILED_S = 30 * 86_400;
/** A job that no worker knows is not thrown away before a year. */
const KEEP_WAITING_S = 365 * 86_400;
/** pg-boss has the last word on what runs for too long; it is not to have it too early. */
const EXPIRY_MARGIN_S = 60;
/** How often a job that was just done is looked for before its unique key is given up. */
const UNIQUE_ATTEMPTS = 5;

/**
 * pg-boss's queues, one for each task, and the way into them.
 *
 * All have the policy "exclusive": of one key only one job waits or runs. A job without a key of
 * its own has its id.
 */
export class Queues {
  readonly #boss: PgBoss;
  readonly #database: TasksDatabase;
  readonly #ensured = new Map<string, Promise<void>>();

  constructor(boss: PgBoss, database: TasksDatabase) {
    this.#boss = boss;
    this.#database = database;
  }

  /** Makes the task's queue if there is none, and gives it the task's settings. */
  async ensure(task: Task): Promise<void> {
    let ensured = this.#ensured.get(task.name);
    if (ensured === undefined) {
      ensured = this.#ensure(task);
      this.#ensured.set(task.name, ensured);
      ensured.catch(() => this.#ensured.delete(task.name));
    }
    await ensured;
  }

  /**
   * Queues jobs in one statement: all of them or none. Returns their ids, or those of the jobs
   * that have their unique keys already.
   */
  async insert(
    name: string,
    jobs: readonly NewJob[],
    transaction?: Transaction,
  ): Promise<string[]> {
    const db = transaction === undefined ? this.#database : joined(transaction);
    const ids = new Map<string, string>();
    let missing = jobs;
    for (let attempt = 0; missing.length > 0; attempt++) {
      if (attempt === UNIQUE_ATTEMPTS) {
        throw new Error(
          `Cannot queue task "${name}": the job with key "${missing[0]?.uniqueKey}" comes and goes`,
        );
      }
      const inserted = await this.#boss.insert(name, missing.map(row), { db, returnId: true });
      for (const id of inserted ?? []) ids.set(id, id);
      missing = missing.filter((job) => !ids.has(job.id));
      if (missing.length > 0) await this.#findHolders(db, name, missing, ids);
      missing = missing.filter((job) => !ids.has(job.id));
    }
    return jobs.map((job) => ids.get(job.id)!);
  }

  /** Whoever has the key now; it may be gone again. */
  async #findHolders(
    db: Db,
    name: string,
    jobs: readonly NewJob[],
    ids: Map<string, string>,
  ): Promise<void> {
    const keys = jobs.map((job) => singletonKey(job.uniqueKey, job.id));
    const { rows } = await db.executeSql(
      `select j.id, j.singleton_key
       from json_array_elements_text($1::text::json) as key
       join tasks.job j on j.name = $2::text and j.singleton_key = key and j.state <= 'active'`,
      [JSON.stringify([...new Set(keys)]), name],
    );
    const holders = new Map(
      (rows as { id: string; singleton_key: string }[]).map((row) => [row.singleton_key, row.id]),
    );
    jobs.forEach((job, index) => {
      const holder = holders.get(keys[index]!);
      if (holder !== undefined) ids.set(job.id, holder);
    });
  }

  async #ensure({ name, settings }: Task): Promise<void> {
    const wanted = queueOptions(settings);
    const queue = await this.#boss.getQueue(name);
    if (queue === null) {
      await this.#boss.createQueue(name, { policy: "exclusive", ...wanted });
    } else if (
      Object.entries(wanted).some(([key, value]) =>
        (queue as unknown as Record<string, unknown>)[key] !== value
      )
    ) {
      await this.#boss.updateQueue(name, wanted);
    }
  }
}

function queueOptions({ retries, backoff, timeoutMs }: TaskSettings) {
  return {
    notify: true,
    retryLimit: retries,
    // pg-boss waits between half of this and all of it, doubled by each retry before.
    retryBackoff: true,
    retryDelay: Math.ceil(backoff.initialMs / 1000),
    retryDelayMax: Math.ceil(backoff.maxMs / 1000),
    expireInSeconds: Math.ceil((timeoutMs + HARD_LIMIT_AFTER_MS) / 1000) + EXPIRY_MARGIN_S,
    retentionSeconds: KEEP_WAITING_S,
    // Until it is done: then the task's `keepResultMs` counts.
    deleteAfterSeconds: KEEP_FAILED_S,
  };
}

function row({ id, input, priority, startAfter, uniqueKey }: NewJob): JobInsert {
  return {
    id,
    data: input as object,
    priority,
    singletonKey: singletonKey(uniqueKey, id),
    ...(startAfter === undefined ? {} : { startAfter }),
  };
}

/** Lets pg-boss speak within the caller's transaction; it only ever sends texts there. */
function joined(transaction: Transaction): Db {
  return {
    async executeSql(text, values = []) {
      return { rows: [...await transaction.unsafe(text, values as string[])] };
    },
  };
}
