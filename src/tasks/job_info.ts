/** Where a job is: one that failed and will be tried again waits. */
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** How far a job is, by its own account. */
export interface JobProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** For people. */
  readonly text: string;
}

/** What went wrong. */
export interface JobError {
  /** The error's class. */
  readonly name: string;
  /** For people. */
  readonly message: string;
  /** Where it was thrown. */
  readonly stack?: string;
}

/** All that is known of a job. */
export interface JobInfo<Result = unknown> {
  /** A UUID. */
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  /** Where it is. */
  readonly state: JobState;
  /** What it was queued with, as JSON. */
  readonly input: unknown;
  /** Of a done one. */
  readonly result: Result | undefined;
  /** The last one, of a failed one and of one that waits to be tried again. */
  readonly error: JobError | undefined;
  /** The last one, of a running one. */
  readonly progress: JobProgress | undefined;
  /** How often it has been started. */
  readonly attempt: number;
  /** How often it may be tried again. */
  readonly retries: number;
  /** A higher one is taken first. */
  readonly priority: number;
  /** What no other one may have while this one waits or runs. */
  readonly uniqueKey: string | undefined;
  /** When it was queued. */
  readonly createdAt: Date;
  /** Not to be started before. */
  readonly dueAt: Date;
  /** When its last attempt began. */
  readonly startedAt: Date | undefined;
  /** When it was done, had failed for good, or was cancelled. */
  readonly finishedAt: Date | undefined;
}

/** The columns of pg-boss's table that make a {@linkcode JobRow}; the table is `j`. */
export const JOB_COLUMNS = `j.id, j.name, j.state::text, j.data, j.output, j.retry_count,
  j.retry_limit, j.priority, j.singleton_key, j.created_on, j.start_after, j.started_on,
  j.completed_on`;

/** A row of pg-boss's table. */
export interface JobRow {
  readonly id: string;
  readonly name: string;
  readonly state: "created" | "retry" | "active" | "completed" | "cancelled" | "failed";
  readonly data: unknown;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly retry_count: number;
  readonly retry_limit: number;
  readonly priority: number;
  readonly singleton_key: string | null;
  readonly created_on: Date;
  readonly start_after: Date;
  readonly started_on: Date | null;
  readonly completed_on: Date | null;
}

const STATES = {
  created: "waiting",
  retry: "waiting",
  active: "running",
  completed: "done",
  cancelled: "cancelled",
  failed: "failed",
} as const;

/** pg-boss's names of the states that are one to people. */
export const STATES_OF: Readonly<Record<JobState, readonly JobRow["state"][]>> = {
  waiting: ["created", "retry"],
  running: ["active"],
  done: ["completed"],
  failed: ["failed"],
  cancelled: ["cancelled"],
};

// Jobs without a key of their own have their id: pg-boss's policy wants one of each.
const KEY_PREFIX = "key:";

/** What stands in pg-boss's column for a unique key. */
export function singletonKey(uniqueKey: string | undefined, id: string): string {
  return uniqueKey === undefined ? id : KEY_PREFIX + uniqueKey;
}

/** Reads a row. */
export function jobInfo(row: JobRow): JobInfo {
  const state = STATES[row.state];
  const output = row.output ?? {};
  const key = row.singleton_key;
  return {
    id: row.id,
    task: row.name,
    state,
    input: row.data,
    result: state === "done" ? output["value"] : undefined,
    error: state === "failed" || row.state === "retry" ? errorOf(output) : undefined,
    progress: state === "running" ? output["progress"] as JobProgress | undefined : undefined,
    attempt: row.started_on === null ? 0 : row.retry_count + 1,
    retries: row.retry_limit,
    priority: row.priority,
    uniqueKey: key?.startsWith(KEY_PREFIX) ? key.slice(KEY_PREFIX.length) : undefined,
    createdAt: row.created_on,
    dueAt: row.start_after,
    startedAt: row.started_on ?? undefined,
    finishedAt: row.completed_on ?? undefined,
  };
}

/** Ours is in `error`; what pg-boss has to say itself is in `value`. */
function errorOf(output: Readonly<Record<string, unknown>>): JobError | undefined {
  const error = (output["error"] ?? output["value"]) as Partial<JobError> | undefined;
  if (typeof error?.message !== "string") return undefined;
  const { name = "Error", message, stack } = error;
  return { name, message, ...(stack === undefined ? {} : { stack }) };
}
