import { isUnavailable } from "../db/errors.ts";
import {
  TaskCancelledError,
  TaskFailedError,
  TaskNotFoundError,
  TaskTimeoutError,
} from "./errors.ts";
import type { TaskEvents } from "./events.ts";
import type { JobInfo } from "./job_info.ts";
import type { Jobs } from "./jobs.ts";
import { firstIssue, type TaskSchema } from "./task.ts";

/** Options of {@linkcode Job.result}. */
export interface ResultOptions {
  /** How long to wait, in ms. @default 60000 */
  readonly timeout?: number;
  /** Ends the waiting. @default none */
  readonly signal?: AbortSignal;
}

/** What a {@linkcode Job} is made of. */
export interface JobSource {
  readonly jobs: Jobs;
  readonly events: TaskEvents;
  /** Reads the result. */
  readonly output: TaskSchema | undefined;
}

const DEFAULT_RESULT_TIMEOUT_MS = 60_000;
/** With a channel layer events tell; this is for those that get lost. */
const POLL_INTERVAL_MS = 5_000;
const POLL_ALONE_MIN_MS = 20;
const POLL_ALONE_MAX_MS = 500;

/**
 * One job: what `delay` returns. It holds nothing open.
 *
 * @example
 * ```ts
 * import type { Job } from "./job.ts";
 *
 * async function show(job: Job<number>): Promise<number> {
 *   for await (const { state, progress } of job.watch()) console.log(state, progress?.fraction);
 *   return await job.result({ timeout: 5_000 });
 * }
 * ```
 */
export class Job<Result = unknown> {
  /** A UUID. */
  readonly id: string;
  readonly #source: JobSource;

  /** Made by `delay` and `job`. */
  constructor(id: string, source: JobSource) {
    this.id = id;
    this.#source = source;
  }

  /**
   * Where it is.
   *
   * @throws {TaskNotFoundError} when it is no longer kept
   */
  async status(): Promise<JobInfo<Result>> {
    const info = await this.#source.jobs.show(this.id);
    if (info === null) throw new TaskNotFoundError(this.id);
    const { output } = this.#source;
    if (output === undefined || info.state !== "done") return info as JobInfo<Result>;
    const read = await output.safeParseAsync(info.result);
    if (read.success) return { ...info, result: read.data as Result };
    throw new TypeError(
      `Cannot read the result of job "${this.id}": it does not fit its schema: ${
        firstIssue(read.error)
      }`,
    );
  }

  /**
   * Waits for its result. That it is waited for no longer changes nothing about the job.
   *
   * @throws {TaskFailedError} with the message of the task's last error
   * @throws {TaskCancelledError} when it was cancelled
   * @throws {TaskTimeoutError} when there is no result in time
   * @throws {TaskNotFoundError} when it is no longer kept
   */
  async result({ timeout, signal }: ResultOptions = {}): Promise<Result> {
    const timeoutMs = timeout ?? DEFAULT_RESULT_TIMEOUT_MS;
    const ended = new AbortController();
    const timer = setTimeout(
      () => ended.abort(new TaskTimeoutError(this.id, timeoutMs)),
      timeoutMs,
    );
    const signals = signal === undefined ? [ended.signal] : [ended.signal, signal];
    const waiting = AbortSignal.any(signals);
    try {
      for await (const info of this.watch({ signal: waiting })) {
        if (info.state === "done") return info.result as Result;
        if (info.state === "cancelled") throw new TaskCancelledError(this.id);
        if (info.state === "failed") throw failure(info);
      }
      throw waiting.reason;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Follows it: where it is now, then each change and progress as it comes, until it has ended, or
   * the signal aborts.
   *
   * @throws {TaskNotFoundError} when it is no longer kept
   */
  async *watch(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<JobInfo<Result>> {
    const { signal } = options;
    const stop = new AbortController();
    const ended = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const news = new News();
    ended.addEventListener("abort", () => news.tell(), { once: true });
    try {
      // First subscribe, then look: what happens in between is heard of.
      const hears = await this.#source.events.subscribe(this.id, () => news.tell(), ended);
      let pollMs = hears ? POLL_INTERVAL_MS : POLL_ALONE_MIN_MS;
      let shown = "";
      while (!ended.aborted) {
        const info = await this.#look(ended);
        if (info !== undefined) {
          const text = JSON.stringify([info.state, info.attempt, info.progress]);
          if (text !== shown) yield info;
          shown = text;
          if (info.state !== "waiting" && info.state !== "running") return;
        }
        if (ended.aborted) return;
        // A database that is away says nothing when it is back.
        await news.next(info === undefined ? POLL_ALONE_MAX_MS : pollMs);
        if (!hears) pollMs = Math.min(pollMs * 1.5, POLL_ALONE_MAX_MS);
      }
    } finally {
      stop.abort();
    }
  }

  /**
   * Cancels it: one that waits never runs, a running one's signal aborts within two seconds.
   * Returns whether it waited or ran.
   */
  async cancel(): Promise<boolean> {
    return await this.#source.jobs.cancel(this.id);
  }

  /** Its status; `undefined` while the database is away, and as soon as the signal aborts. */
  async #look(ended: AbortSignal): Promise<JobInfo<Result> | undefined> {
    const aborted = Promise.withResolvers<undefined>();
    const abort = () => aborted.resolve(undefined);
    ended.addEventListener("abort", abort, { once: true });
    const status = this.status().catch((error) => {
      if (isUnavailable(error)) return undefined;
      throw error;
    });
    status.catch(() => {});
    try {
      return await Promise.race([status, aborted.promise]);
    } finally {
      ended.removeEventListener("abort", abort);
    }
  }
}

function failure({ id, error }: JobInfo): TaskFailedError {
  const cause = new Error(error?.message);
  cause.name = error?.name ?? "Error";
  if (error?.stack !== undefined) cause.stack = error.stack;
  return new TaskFailedError(id, error?.message ?? "The task failed", { cause });
}

/** Remembers that there is something to look at. */
class News {
  #unread = false;
  #wake: (() => void) | undefined;

  tell(): void {
    this.#unread = true;
    this.#wake?.();
  }

  /** Resolves as soon as there is some, or after a time. */
  async next(timeoutMs: number): Promise<void> {
    if (!this.#unread) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#unread = false;
  }
}
