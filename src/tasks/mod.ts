/**
 * Background work on PostgreSQL alone: tasks, their results, schedules, and workers.
 *
 * @module
 */
export { migrateTasks } from "./migrate.ts";
export {
  Crontab,
  crontab,
  CrontabError,
  type CrontabField,
  type CrontabFields,
  parseCrontab,
} from "./crontab.ts";
export type { Transaction } from "./database.ts";
export {
  PermanentTaskError,
  type TaskAbortCause,
  TaskAbortError,
  TaskCancelledError,
  TaskFailedError,
  TaskInputError,
  TaskNotFoundError,
  TaskTimeoutError,
} from "./errors.ts";
export { type TaskEvent, taskGroup, type TaskLayer } from "./events.ts";
export { Job, type ResultOptions } from "./job.ts";
export type { JobError, JobInfo, JobProgress, JobState } from "./job_info.ts";
export type { JobListOptions, QueueOverview } from "./jobs.ts";
export type { DelayOptions } from "./new_job.ts";
export { once } from "./once.ts";
export type { FiredTick, ScheduleInfo, ScheduleOptions } from "./schedules.ts";
export {
  defineTask,
  HARD_LIMIT_AFTER_MS,
  type Task,
  type TaskBackoff,
  type TaskContext,
  type TaskOptions,
  type TaskRateLimit,
  type TaskRun,
  type TaskSchema,
  type TaskSchemaResult,
  type TaskSettings,
} from "./task.ts";
export { Tasks, type TasksOptions } from "./tasks.ts";
export { TaskWorker, type WorkOptions } from "./worker.ts";
