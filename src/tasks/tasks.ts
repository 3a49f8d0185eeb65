import { PgBoss } from "pg-boss";
import { isUnavailable } from "../db/errors.ts";
import type { Crontab } from "./crontab.ts";
import { TasksDatabase } from "./database.ts";
import { TaskEvents, type TaskLayer } from "./events.ts";
import { Job } from "./job.ts";
import type { JobInfo } from "./job_info.ts";
import { type JobListOptions, Jobs, type QueueOverview } from "./jobs.ts";
import { sleep } from "./loop.ts";
import { migrateTasks, TASKS_SCHEMA } from "./migrate.ts";
import { type DelayOptions, newJob } from "./new_job.ts";
import { type NewJob, Queues } from "./queues.ts";
import { type FiredTick, type ScheduleInfo, type ScheduleOptions, Schedules } from "./schedules.ts";
import type { Task } from "./task.ts";
import { TaskWorker, type WorkOptions } from "./worker.ts";

/** What {@linkcode Tasks} is opened with. */
export interface TasksOptions {
  /** The database; may lead to a pooler. */
  readonly url: string;
  /** The database itself, to hear of jobs and for migrations. @default url */
  readonly directUrl?: string;
  /** A channel layer: carries progress and ends to whoever waits; without it they poll. @default none */
  readonly layer?: TaskLayer;
  /** Told of what went wrong and is tried again. */
  readonly warn: (message: string, error: unknown) => void;
  /** The clock of the schedules, in ms, for tests. @default the database's */
  readonly now?: () => number;
  /** Whether to bring the schema `tasks` to the newest. @default true */
  readonly migrate?: boolean;
  /** How long to wait for a database that is away at the start, in ms. @default 30000 */
  readonly openTimeoutMs?: number;
  /**
   * A worker that gives no sign for this long is dead, in ms. They give one each second; a task
   * that keeps the thread busy for as long looks the same. @default 10000
   */
  readonly deadAfterMs?: number;
}

const DEFAULT_OPEN_TIMEOUT_MS = 30_000;
const DEFAULT_DEAD_AFTER_MS = 10_000;
const OPEN_BACKOFF_MS = 250;
const DELETE_INTERVAL_S = 600;
// Jobs do not depend on each other here.
const FLOW_INTERVAL_S = 86_400;

/**
 * Background work, on the one database: tasks that are queued, done by workers at least once, and
 * waited for if need be; and schedules. It takes up to two connections, two more for the time of a
 * transaction and of a script, and one while it works.
 *
 * @example
 * ```ts
 * import { defineTask, Tasks } from "./mod.ts";
 * import { z } from "zod";
 *
 * const add = defineTask({
 *   name: "add",
 *   input: z.object({ x: z.number(), y: z.number() }),
 *   run: ({ x, y }) => x + y,
 * });
 *
 * await using tasks = await Tasks.open({
 *   url: "postgres://localhost/maru",
 *   warn: console.warn,
 * });
 * tasks.work([add]);
 * const job = await tasks.delay(add, { x: 10, y: 3 });
 * console.log(await job.result({ timeout: 5_000 })); // 13
 * ```
 */
export class Tasks implements AsyncDisposable {
  readonly #options: TasksOptions;
  readonly #boss: PgBoss;
  readonly #database: TasksDatabase;
  readonly #events: TaskEvents;
  readonly #queues: Queues;
  readonly #jobs: Jobs;
  readonly #schedules: Schedules;
  readonly #workers = new Set<TaskWorker>();

  private constructor(options: TasksOptions, boss: PgBoss, database: TasksDatabase) {
    const { layer, warn, now } = options;
    this.#options = options;
    this.#boss = boss;
    this.#database = database;
    this.#events = new TaskEvents(layer, warn);
    this.#queues = new Queues(boss, database);
    this.#jobs = new Jobs(database, this.#events);
    this.#schedules = new Schedules({ database, queues: this.#queues, now, warn });
  }

  /**
   * Opens it; waits for a database that is away.
   *
   * @throws {Error} what the database said last, when it does not come in time
   */
  static async open(options: TasksOptions): Promise<Tasks> {
    const deadline = performance.now() + (options.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS);
    for (;;) {
      try {
        return await Tasks.#attempt(options);
      } catch (error) {
        if (!isUnavailable(error) || performance.now() > deadline) throw error;
      }
      await sleep(OPEN_BACKOFF_MS);
    }
  }

  static async #attempt(options: TasksOptions): Promise<Tasks> {
    const { url, directUrl = url, migrate = true, warn } = options;
    if (migrate) await migrateTasks(directUrl);
    const database = new TasksDatabase({ url, directUrl, warn });
    const boss = new PgBoss({
      db: database,
      schema: TASKS_SCHEMA,
      migrate,
      schedule: false,
      useListenNotify: true,
      maintenanceIntervalSeconds: DELETE_INTERVAL_S,
      flowIntervalSeconds: FLOW_INTERVAL_S,
    });
    boss.on("error", (error) => warn("pg-boss failed", error));
    boss.on("warning", ({ message, data }) => warn(`pg-boss warns: ${message}`, data));
    try {
      await boss.start();
      return new Tasks(options, boss, database);
    } catch (error) {
      await boss.stop({ graceful: false });
      await database[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Queues a task.
   *
   * @throws {TaskInputError} when the input does not fit the task; then nothing is queued
   */
  async delay<Input, Result>(
    task: Task<Input, Result>,
    input: NoInfer<Input>,
    options: DelayOptions = {},
  ): Promise<Job<Result>> {
    const [job] = await this.delayMany(task, [input], options);
    return job!;
  }

  /**
   * Queues a task many times, in one statement: all of them or none.
   *
   * @throws {TaskInputError} naming the first input that does not fit
   */
  async delayMany<Input, Result>(
    task: Task<Input, Result>,
    inputs: readonly NoInfer<Input>[],
    options: DelayOptions = {},
  ): Promise<Job<Result>[]> {
    const jobs: NewJob[] = [];
    for (const [index, input] of inputs.entries()) {
      const place = inputs.length === 1 ? "the input" : `input ${index}`;
      jobs.push(await newJob(task, input, options, place));
    }
    await this.#queues.ensure(task);
    const ids = await this.#queues.insert(task.name, jobs, options.transaction);
    return ids.map((id) => this.#job(task, id));
  }

  /** A job by its id; `null` when there is none, or it is of another task. */
  async job<Result>(task: Task<unknown, Result>, id: string): Promise<Job<Result> | null> {
    const info = await this.#jobs.show(id);
    return info?.task === task.name ? this.#job(task, info.id) : null;
  }

  /**
   * Does these tasks, and looks after the schedules, until it is stopped.
   *
   * @throws {RangeError} when the concurrency is no whole number above 0
   * @throws {TypeError} when two tasks have the same name
   */
  work(tasks: readonly Task[], options: WorkOptions = {}): TaskWorker {
    const { warn, deadAfterMs = DEFAULT_DEAD_AFTER_MS } = this.#options;
    const worker = new TaskWorker(tasks, options, {
      boss: this.#boss,
      database: this.#database,
      queues: this.#queues,
      schedules: this.#schedules,
      events: this.#events,
      deadAfterMs,
      warn,
    });
    this.#workers.add(worker);
    return worker;
  }

  /** All that is known of a job, of whatever task. */
  async show(id: string): Promise<JobInfo | null> {
    return await this.#jobs.show(id);
  }

  /** Jobs in one state. */
  async list(options: JobListOptions): Promise<JobInfo[]> {
    return await this.#jobs.list(options);
  }

  /** The dead letters: jobs that failed after all their attempts, the last first. */
  async failed(options: Omit<JobListOptions, "state"> = {}): Promise<JobInfo[]> {
    return await this.#jobs.list({ ...options, state: "failed" });
  }

  /**
   * Queues a failed job once more, for one attempt. Returns whether there was such a one.
   *
   * @throws {Error} when another job with its unique key waits or runs
   */
  async retry(id: string): Promise<boolean> {
    return await this.#jobs.retry(id);
  }

  /** Cancels a job of whatever task. Returns whether it waited or ran. */
  async cancel(id: string): Promise<boolean> {
    return await this.#jobs.cancel(id);
  }

  /** The figures of all tasks. */
  async overview(): Promise<QueueOverview[]> {
    return await this.#jobs.overview();
  }

  /**
   * Queues a task again and again. To say the same again changes nothing, so every instance may
   * say it at its start; to say something else changes the schedule of that name.
   *
   * @throws {TaskInputError} when the input does not fit the task
   * @throws {RangeError | TypeError} when the time zone is unknown
   */
  async schedule<Input>(
    name: string,
    crontab: Crontab,
    task: Task<Input, unknown>,
    input: NoInfer<Input>,
    options: ScheduleOptions = {},
  ): Promise<void> {
    const job = await newJob(task, input, options, "the input");
    await this.#queues.ensure(task);
    await this.#schedules.declare(name, crontab, { ...job, task: task.name }, options);
  }

  /** All schedules, by name. */
  async schedules(): Promise<ScheduleInfo[]> {
    return await this.#schedules.list();
  }

  /** Lets a schedule rest. Returns whether there is such a one; so do the next two. */
  async pauseSchedule(name: string): Promise<boolean> {
    return await this.#schedules.pause(name);
  }

  /** Lets a paused schedule go on, with its next tick. */
  async resumeSchedule(name: string): Promise<boolean> {
    return await this.#schedules.resume(name);
  }

  /** Ends a schedule. */
  async unschedule(name: string): Promise<boolean> {
    return await this.#schedules.remove(name);
  }

  /** Queues a schedule's job now, beside its ticks; `null` when there is no such schedule. */
  async runSchedule(name: string): Promise<Job | null> {
    const id = await this.#schedules.run(name);
    return id === null
      ? null
      : new Job(id, { jobs: this.#jobs, events: this.#events, output: undefined });
  }

  /** Fires the ticks that are due. Workers do so every second. */
  async fireSchedules(): Promise<FiredTick[]> {
    return await this.#schedules.fireDue();
  }

  /** Stops its workers and closes its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
    await this.#boss.stop({ graceful: false });
    await this.#database[Symbol.asyncDispose]();
  }

  #job<Result>({ output }: Task<unknown, Result>, id: string): Job<Result> {
    return new Job(id, { jobs: this.#jobs, events: this.#events, output });
  }
}
