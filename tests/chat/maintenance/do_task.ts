import { Pool, type PoolOptions } from "../../../src/db/pool.ts";
import type { PoolSource } from "../../../src/chat/maintenance/own_pool.ts";
import type { Job, Task } from "../../../src/tasks/mod.ts";
import type { TestDatabase } from "../../support/database.ts";
import { openTasks } from "../../tasks/open_tasks.ts";

/** A task that a worker of the test's does. */
export interface Doing<Result> extends AsyncDisposable {
  readonly job: Job<Result>;
  /** How it ends, within ten seconds. */
  result(): Promise<Result>;
}

/** Connections to a test's database. */
export function poolsOf({ url }: TestDatabase): PoolSource {
  return { openPool: (options: PoolOptions) => new Pool(url, options) };
}

/** Queues a task, with a worker that does it. */
export async function beginTask<Input, Result>(
  { url }: TestDatabase,
  task: Task<Input, Result>,
  input: NoInfer<Input>,
): Promise<Doing<Result>> {
  const opened = await openTasks(url, { migrate: false });
  opened.tasks.work([task as Task]);
  const job = await opened.tasks.delay(task, input);
  return {
    job,
    result: () => job.result({ timeout: 10_000 }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** Has a worker do a task; returns its result. */
export async function doTask<Input, Result>(
  database: TestDatabase,
  task: Task<Input, Result>,
  input: NoInfer<Input>,
): Promise<Result> {
  await using doing = await beginTask(database, task, input);
  return await doing.result();
}
