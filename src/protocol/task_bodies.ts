/**
 * Bodies of the API of background work, and the frames of its live page.
 *
 * @module
 */
import { z } from "zod";
import type { ErrorCode } from "./codes.ts";

/** A list has at most so many jobs. */
export const JOBS_MAX_LIMIT = 200;

const timestamp = z.string().meta({ format: "date-time", example: "2026-03-01T09:30:00.000Z" });

/** Where a job is. */
export const jobState = z.enum(["waiting", "running", "done", "failed", "cancelled"]);

/** How far a job is, by its own account. */
export const progressBody = z.object({
  fraction: z.number().meta({ description: "From 0 to 1" }),
  text: z.string(),
}).meta({ id: "TaskProgress" });

/** The jobs of one task in figures. */
export const queueBody = z.object({
  task: z.string().meta({ example: "send_mail" }),
  waiting: z.int().meta({ description: "Due and not started" }),
  deferred: z.int().meta({ description: "Not yet due: for later, or to be tried again" }),
  running: z.int(),
  failed: z.int().meta({ description: "For good, in the last 30 days" }),
  done_last_minute: z.int().meta({ description: "Where the results are still kept" }),
  done_last_hour: z.int().meta({ description: "Where the results are still kept" }),
  oldest_waiting_ms: z.number().meta({
    description: "How long the oldest due job has been waiting; 0 when none waits",
  }),
}).meta({ id: "TaskQueue" });

/** `GET /api/admin/tasks` */
export const queueListBody = z.object({ queues: z.array(queueBody) }).meta({ id: "TaskQueues" });

/** A job in a list. */
export const jobSummaryBody = z.object({
  id: z.string().meta({ format: "uuid" }),
  task: z.string(),
  state: jobState,
  input_preview: z.string().meta({ description: "The beginning of its input, as JSON" }),
  error: z.object({ name: z.string(), message: z.string() }).nullable().meta({
    description: "The last one, of a failed job and of one that waits to be tried again",
  }),
  progress: progressBody.nullable().meta({ description: "The last one, of a running job" }),
  attempt: z.int().meta({ description: "How often it has been started" }),
  retries: z.int().meta({ description: "How often it may be tried again" }),
  priority: z.int(),
  unique_key: z.string().nullable(),
  created_at: timestamp,
  due_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
}).meta({ id: "TaskJobSummary" });

/** `GET /api/admin/tasks/jobs` */
export const jobListBody = z.object({ jobs: z.array(jobSummaryBody) }).meta({ id: "TaskJobs" });

/** `GET /api/admin/tasks/jobs/{id}` */
export const jobBody = jobSummaryBody.extend({
  input: z.unknown().meta({ description: "What it was queued with" }),
  result: z.unknown().meta({ description: "Of a done job; null while there is none" }),
  stack: z.string().nullable().meta({ description: "Where the error was thrown" }),
}).meta({ id: "TaskJob" });

/** A schedule. */
export const scheduleBody = z.object({
  name: z.string().meta({ example: "nightly report" }),
  crontab: z.string().meta({
    description: "Minute, hour, day of month, month, day of week",
    example: "0 3 * * *",
  }),
  time_zone: z.string().meta({ example: "Asia/Seoul" }),
  task: z.string(),
  missed: z.enum(["once", "skip"]),
  paused: z.boolean(),
  next_at: timestamp,
  last_at: timestamp.nullable().meta({ description: "The last tick that queued something" }),
  last_job: z.string().nullable().meta({ format: "uuid" }),
}).meta({ id: "TaskSchedule" });

/** `GET /api/admin/tasks/schedules` */
export const scheduleListBody = z.object({ schedules: z.array(scheduleBody) })
  .meta({ id: "TaskSchedules" });

/** `POST /api/admin/tasks/schedules/{name}/runs` */
export const scheduleRunBody = z.object({
  job: z.string().meta({ format: "uuid", description: "What was queued" }),
}).meta({ id: "TaskScheduleRun" });

/** The query of `GET /api/admin/tasks/jobs`. */
export const jobListQuery = z.object({
  state: jobState,
  task: z.string().max(100).refine((task) => !task.includes("\0"), { error: "Must have no NUL" })
    .optional(),
  limit: z.string().regex(/^\d{1,3}$/, { error: "Must be a whole number" }).transform(Number)
    .pipe(z.int().min(1).max(JOBS_MAX_LIMIT)).default(50)
    .meta({ type: "integer", minimum: 1, maximum: JOBS_MAX_LIMIT, description: "50 when absent" }),
});

/** `PUT /api/admin/session` */
export const signInBody = z.object({
  token: z.string().max(1_000).meta({ description: "The operator's token" }),
}).meta({ id: "OperatorSignIn" });

/** `GET /api/admin/session` */
export const operatorBody = z.object({
  by: z.enum(["loopback", "token", "cookie"]).meta({ description: "How you are known" }),
  until: timestamp.nullable().meta({ description: "When you will have to sign in again" }),
}).meta({ id: "Operator" });

/** The jobs of one task in figures. */
export type TaskQueue = z.output<typeof queueBody>;
/** How far a job is. */
export type TaskProgress = z.output<typeof progressBody>;
/** A job in a list. */
export type TaskJobSummary = z.output<typeof jobSummaryBody>;
/** A job. */
export type TaskJob = z.output<typeof jobBody>;
/** A schedule. */
export type TaskSchedule = z.output<typeof scheduleBody>;
/** Who administrates. */
export type OperatorInfo = z.output<typeof operatorBody>;

/** What the live page shows: what has changed since the frame before, all of it in the first. */
export interface BoardFrame {
  readonly type: "board";
  /** By the server's clock. */
  readonly at: string;
  readonly queues?: readonly TaskQueue[];
  readonly running?: readonly TaskJobSummary[];
  readonly waiting?: readonly TaskJobSummary[];
  readonly failed?: readonly TaskJobSummary[];
  readonly schedules?: readonly TaskSchedule[];
  /** What the server could not look for; null when that is over. */
  readonly trouble?: ErrorCode | null;
}

/** A running job is further on. */
export interface ProgressFrame extends TaskProgress {
  readonly type: "progress";
  readonly id: string;
}

/** What the server sends to the live page. */
export type TaskBoardFrame = BoardFrame | ProgressFrame | { readonly type: "pong" };

/** The task of the page `/examples/task/`, as it stands. */
export interface SweepStatus {
  readonly type: "task";
  readonly id: string;
  readonly state: z.output<typeof jobState>;
  readonly progress?: TaskProgress;
  readonly result?: { readonly boards: number; readonly seconds: number };
  readonly error?: string;
}

/** What the server sends to the page `/examples/task/`. */
export type SweepFrame =
  | { readonly type: "ready" | "pong" }
  | SweepStatus
  | {
    readonly type: "error";
    readonly code: ErrorCode;
    readonly message: string;
    readonly retry: boolean;
  };

/** What the page `/examples/task/` sends. */
export type SweepCommand =
  | { readonly type: "start"; readonly breaks: boolean }
  | { readonly type: "follow"; readonly id: string }
  | { readonly type: "cancel" };
