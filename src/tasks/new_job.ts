import type { Transaction } from "./database.ts";
import { TaskInputError } from "./errors.ts";
import { NotJsonError, toJson } from "./json.ts";
import type { NewJob } from "./queues.ts";
import { firstIssue, type Task } from "./task.ts";

/** Options of `delay`. */
export interface DelayOptions {
  /** Not before this time. @default now */
  readonly at?: Date;
  /** Not before this many ms have passed, by the database's clock. @default 0 */
  readonly in?: number;
  /** A higher one is taken first. @default the task's */
  readonly priority?: number;
  /** Joins the job with this key that waits or runs, if there is one. @default the task's */
  readonly uniqueKey?: string;
  /**
   * Queues it within this transaction: rolled back means never queued. Its commit notifies the
   * workers, which makes commits wait for each other: not for what is done a thousand times a
   * second. @default its own
   */
  readonly transaction?: Transaction;
}

// The key of an index may not be much longer.
const UNIQUE_KEY_MAX_LENGTH = 500;

/**
 * What is queued of a call.
 *
 * @throws {TaskInputError} when the input does not fit the task; `place` tells which it was
 */
export async function newJob(
  task: Task,
  input: unknown,
  { at, in: inMs, priority, uniqueKey }: DelayOptions,
  place: string,
): Promise<NewJob> {
  let value: unknown;
  try {
    value = JSON.parse(toJson(input));
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error;
    throw new TaskInputError(task.name, `${place} is no JSON: ${error.message}`, { cause: error });
  }
  // As the worker will see it: a date is a text by then.
  const parsed = await task.input.safeParseAsync(value);
  if (!parsed.success) {
    throw new TaskInputError(task.name, `${place} does not fit: ${firstIssue(parsed.error)}`, {
      cause: parsed.error,
    });
  }
  const key = uniqueKey ?? task.settings.uniqueKey?.(parsed.data as never);
  if (key !== undefined && (key === "" || key.length > UNIQUE_KEY_MAX_LENGTH)) {
    throw new RangeError(
      `Cannot queue task "${task.name}": a unique key has 1 to ${UNIQUE_KEY_MAX_LENGTH} characters`,
    );
  }
  return {
    id: crypto.randomUUID(),
    input: value,
    priority: priority ?? task.settings.priority,
    startAfter: startAfter(task.name, at, inMs),
    uniqueKey: key,
  };
}

function startAfter(task: string, at: Date | undefined, inMs: number | undefined) {
  if (at !== undefined && inMs !== undefined) {
    throw new TypeError(`Cannot queue task "${task}": it takes "at" or "in", not both`);
  }
  if (at !== undefined) {
    if (Number.isNaN(at.getTime())) {
      throw new RangeError(`Cannot queue task "${task}": "at" is no valid date`);
    }
    return at.toISOString();
  }
  if (inMs === undefined || inMs === 0) return undefined;
  if (!Number.isFinite(inMs) || inMs < 0) {
    throw new RangeError(
      `Cannot queue task "${task}": "in" ${inMs} is no number of ms from now on`,
    );
  }
  return String(inMs / 1000);
}
