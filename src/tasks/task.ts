/** What is used of a zod schema: `z.ZodType` is one. */
export interface TaskSchema<Output = unknown, Input = unknown> {
  /** Its types. */
  readonly _zod: { readonly output: Output; readonly input: Input };
  /** Checks a value. */
  safeParseAsync(value: unknown): Promise<TaskSchemaResult<Output>>;
}

/** What a schema says of a value. */
export type TaskSchemaResult<Output> =
  | { readonly success: true; readonly data: Output }
  | {
    readonly success: false;
    readonly error: {
      readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[];
    };
  };

/** Options of {@linkcode defineTask}, whatever the task's result. */
export interface TaskOptions<Input extends TaskSchema> {
  /** Letters, digits, `_`, `-`, `.`; at most 100. It is in the database: a rename orphans jobs. */
  readonly name: string;
  /** What the task takes. It is checked as JSON, as the worker will see it. */
  readonly input: Input;
  /** How often it is tried again after it failed, or after its worker died. @default 3 */
  readonly retries?: number;
  /** How long it waits before it is tried again. @default from 1 s, doubled up to an hour */
  readonly backoff?: TaskBackoff;
  /**
   * How long one attempt may take, in ms, at most 23 hours. Then its `signal` aborts; a task that
   * still does not end {@linkcode HARD_LIMIT_AFTER_MS} later has failed, and its place goes to
   * another, though nothing can stop what it does. @default 600000
   */
  readonly timeoutMs?: number;
  /** How many of it run at once in one worker. @default 10 */
  readonly concurrency?: number;
  /** How many of it may start in a time, over all workers; in even steps. @default no limit */
  readonly rateLimit?: TaskRateLimit;
  /** A higher one is taken first, over all tasks of a worker. @default 0 */
  readonly priority?: number;
  /** How long a result is kept, in ms. A failed job is kept for 30 days. @default 86400000 */
  readonly keepResultMs?: number;
  /** Of inputs with the same key only one waits or runs at a time. @default every call is its own */
  readonly uniqueKey?: (input: Input["_zod"]["output"]) => string;
}

/** How long a task waits before it is tried again; with jitter, in whole seconds. */
export interface TaskBackoff {
  /** Before the first retry at most, and at least half of it, in ms; doubled by each. @default 1000 */
  readonly initialMs?: number;
  /** The longest, in ms. @default 3600000 */
  readonly maxMs?: number;
}

/** How many of a task may start in a time. */
export interface TaskRateLimit {
  /** How many. */
  readonly limit: number;
  /** In how many ms. */
  readonly perMs: number;
}

/** What a running task is given beside its input. */
export interface TaskContext {
  /** Aborts with a `TaskAbortError` when the task should end: hand it to whatever waits. */
  readonly signal: AbortSignal;
  /** Says how far it is, from 0 to 1. As often as one likes: few of these are stored and sent. */
  progress(fraction: number, text?: string): void;
  /** What runs. */
  readonly job: TaskRun;
}

/** One attempt at a job. */
export interface TaskRun {
  /** The job; the same in every attempt, so a good key for `once`. */
  readonly id: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Whether a failure of this attempt is final. */
  readonly last: boolean;
  /** When it was queued. */
  readonly createdAt: Date;
}

/** What {@linkcode defineTask} made: to be queued by `delay`, and done by a worker. */
export interface Task<Input = unknown, Result = unknown> {
  /** Its name in the database. */
  readonly name: string;
  /** What it takes. */
  readonly input: TaskSchema;
  /** What it results in, if that is checked. */
  readonly output: TaskSchema | undefined;
  /** Its options, with defaults. */
  readonly settings: TaskSettings;
  /** Does it. */
  run(input: unknown, context: TaskContext): unknown;
  /** For the type checker only. */
  readonly "~types"?: { readonly input: Input; readonly result: Result };
}

/** The options of a task, with defaults. */
export interface TaskSettings {
  /** How often it is tried again. */
  readonly retries: number;
  /** The shortest and the longest wait before that. */
  readonly backoff: Required<TaskBackoff>;
  /** How long one attempt may take, in ms. */
  readonly timeoutMs: number;
  /** How many of it run at once in one worker. */
  readonly concurrency: number;
  /** How many of it may start in a time. */
  readonly rateLimit: TaskRateLimit | undefined;
  /** A higher one is taken first. */
  readonly priority: number;
  /** How long a result is kept, in ms. */
  readonly keepResultMs: number;
  /** Which inputs are the same. */
  readonly uniqueKey: ((input: never) => string) | undefined;
}

/** After its signal, a task that has not ended within this time has failed. */
export const HARD_LIMIT_AFTER_MS = 5_000;

const DEFAULT_RETRIES = 3;
const DEFAULT_BACKOFF_INITIAL_MS = 1_000;
const DEFAULT_BACKOFF_MAX_MS = 3_600_000;
const DEFAULT_TIMEOUT_MS = 600_000;
// pg-boss lets nothing run for more than a day.
const TIMEOUT_MAX_MS = 23 * 3_600_000;
const DEFAULT_CONCURRENCY = 10;
const DEFAULT_KEEP_RESULT_MS = 86_400_000;
const NAME = /^[A-Za-z0-9_.-]{1,100}$/;
const INTEGER_MAX = 2 ** 31 - 1;

/**
 * Defines a task: what it takes, what it does, and how.
 *
 * A task is done **at least once**: a worker that dies between the deed and its record leaves a
 * job that runs again. So let a second run do no harm: by nature, by a key at the service that it
 * calls (`job.id`), or by `once` for what it writes to the same database.
 *
 * Whatever JSON can hold may be input and result. With an `output` schema the result is checked
 * by the worker, and read through the schema again by whoever asks for it.
 *
 * @example
 * ```ts
 * import { defineTask } from "./task.ts";
 * import { z } from "zod";
 *
 * const add = defineTask({
 *   name: "add",
 *   input: z.object({ x: z.number(), y: z.number() }),
 *   run: ({ x, y }) => x + y,
 * });
 * ```
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 */
export function defineTask<Input extends TaskSchema, Output extends TaskSchema>(
  options: TaskOptions<Input> & {
    readonly output: Output;
    readonly run: (
      input: Input["_zod"]["output"],
      context: TaskContext,
    ) => Output["_zod"]["input"] | Promise<Output["_zod"]["input"]>;
  },
): Task<Input["_zod"]["input"], Output["_zod"]["output"]>;
/** Defines a task whose result is not checked by a schema. */
export function defineTask<Input extends TaskSchema, Result>(
  options: TaskOptions<Input> & {
    readonly run: (
      input: Input["_zod"]["output"],
      context: TaskContext,
    ) => Result | Promise<Result>;
  },
): Task<Input["_zod"]["input"], Result>;
export function defineTask<Input extends TaskSchema>(
  options: TaskOptions<Input> & {
    readonly output?: TaskSchema;
    readonly run: (input: Input["_zod"]["output"], context: TaskContext) => unknown;
  },
): Task {
  const { name, input, output, run } = options;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new TypeError(
      `Cannot define task "${name}": a name is 1 to 100 letters, digits, "_", "-" and "."`,
    );
  }
  return Object.freeze({ name, input, output, settings: settingsOf(options), run });
}

function settingsOf<Input extends TaskSchema>(options: TaskOptions<Input>): TaskSettings {
  const { name, backoff = {}, rateLimit } = options;
  const whole = (option: string, value: number, from: number, to = INTEGER_MAX): number => {
    if (!Number.isInteger(value) || value < from || value > to) {
      throw new RangeError(
        `Cannot define task "${name}": ${option} ${value} is no whole number from ${from} to ${to}`,
      );
    }
    return value;
  };
  if (rateLimit !== undefined) {
    whole("rateLimit.limit", rateLimit.limit, 1);
    whole("rateLimit.perMs", rateLimit.perMs, 1);
  }
  const initialMs = whole("backoff.initialMs", backoff.initialMs ?? DEFAULT_BACKOFF_INITIAL_MS, 1);
  return Object.freeze({
    retries: whole("retries", options.retries ?? DEFAULT_RETRIES, 0, 10_000),
    backoff: {
      initialMs,
      maxMs: whole(
        "backoff.maxMs",
        backoff.maxMs ?? Math.max(DEFAULT_BACKOFF_MAX_MS, initialMs),
        initialMs,
      ),
    },
    timeoutMs: whole("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, TIMEOUT_MAX_MS),
    concurrency: whole("concurrency", options.concurrency ?? DEFAULT_CONCURRENCY, 1, 10_000),
    rateLimit,
    priority: whole("priority", options.priority ?? 0, -INTEGER_MAX),
    keepResultMs: whole("keepResultMs", options.keepResultMs ?? DEFAULT_KEEP_RESULT_MS, 1),
    uniqueKey: options.uniqueKey,
  });
}

/** What a schema found wrong first, with its place in the value. */
export function firstIssue(
  { issues: [issue] }: Extract<TaskSchemaResult<unknown>, { success: false }>["error"],
): string {
  const path = issue?.path.join(".") ?? "";
  return `${path === "" ? "" : `${path}: `}${issue?.message}`;
}
