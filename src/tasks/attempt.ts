import { PermanentTaskError, type TaskAbortCause, TaskAbortError } from "./errors.ts";
import type { Claim } from "./claims.ts";
import type { JobError } from "./job_info.ts";
import { NotJsonError, toJson } from "./json.ts";
import { firstIssue, HARD_LIMIT_AFTER_MS, type Task, type TaskContext } from "./task.ts";

/** How an attempt ended. */
export type Outcome =
  /** With a result, which is JSON. */
  | { readonly kind: "done"; readonly result: string }
  | { readonly kind: "failed"; readonly error: JobError; readonly permanent: boolean }
  /** It is to be run elsewhere. */
  | { readonly kind: "stopped" }
  /** It is not this worker's any more. */
  | { readonly kind: "gone" };

/**
 * One run of a task. It always comes to an end: a task that does not heed its signal is left
 * alone, whatever it still does, some seconds later.
 */
export class Attempt {
  /** What is done. */
  readonly claim: Claim;
  readonly #task: Task;
  readonly #report: TaskContext["progress"];
  readonly #controller = new AbortController();
  readonly #abandoned = Promise.withResolvers<never>();
  #ended = false;
  /** Settles with the end; never rejects. */
  readonly outcome: Promise<Outcome>;

  constructor(task: Task, claim: Claim, report: TaskContext["progress"]) {
    this.#task = task;
    this.claim = claim;
    this.#report = report;
    this.outcome = this.#run();
  }

  /** Whether it is not this worker's any more. */
  get gone(): boolean {
    const { reason } = this.#controller.signal;
    return reason instanceof TaskAbortError &&
      (reason.why === "cancelled" || reason.why === "lost");
  }

  /** Whether it has come to its end, recorded or not. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Asks it to end. The first cause counts. */
  abort(why: TaskAbortCause): void {
    const { name } = this.#task;
    this.#controller.abort(
      new TaskAbortError(
        why,
        {
          "time limit": `Task "${name}" takes longer than ${this.#task.settings.timeoutMs} ms`,
          cancelled: `Task "${name}" was cancelled`,
          stopped: `The worker of task "${name}" stops`,
          lost: `Another worker has taken task "${name}"`,
        }[why],
      ),
    );
  }

  /** Waits for it no longer. */
  abandon(): void {
    this.#abandoned.reject(this.#controller.signal.reason);
  }

  async #run(): Promise<Outcome> {
    const { signal } = this.#controller;
    const soft = setTimeout(() => this.abort("time limit"), this.#task.settings.timeoutMs);
    let hard: ReturnType<typeof setTimeout> | undefined;
    const setHardLimit = () => {
      hard = setTimeout(() => this.abandon(), HARD_LIMIT_AFTER_MS);
    };
    signal.addEventListener("abort", setHardLimit, { once: true });
    try {
      const result = await Promise.race([this.#result(), this.#abandoned.promise]);
      return { kind: "done", result };
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#ended = true;
      clearTimeout(soft);
      clearTimeout(hard);
      signal.removeEventListener("abort", setHardLimit);
    }
  }

  async #result(): Promise<string> {
    const { name, input, output } = this.#task;
    const { id, data, retryCount, retryLimit, createdOn } = this.claim;
    const { signal } = this.#controller;
    const parsed = await input.safeParseAsync(data);
    if (!parsed.success) {
      throw new PermanentTaskError(
        `Cannot run task "${name}": its input is not what it takes now: ${
          firstIssue(parsed.error)
        }`,
      );
    }
    const result = await this.#task.run(parsed.data, {
      signal,
      progress: this.#report,
      job: {
        id,
        attempt: retryCount + 1,
        last: retryCount >= retryLimit,
        createdAt: createdOn,
      },
    });
    let text: string;
    try {
      text = toJson(result);
    } catch (error) {
      if (!(error instanceof NotJsonError)) throw error;
      throw new PermanentTaskError(
        `Cannot keep the result of task "${name}": it is no JSON: ${error.message}`,
        { cause: error },
      );
    }
    const checked = await output?.safeParseAsync(JSON.parse(text));
    if (checked?.success === false) {
      throw new PermanentTaskError(
        `Cannot keep the result of task "${name}": it does not fit its schema: ${
          firstIssue(checked.error)
        }`,
      );
    }
    return text;
  }

  #failed(error: unknown): Outcome {
    const reason = this.#controller.signal.aborted
      ? this.#controller.signal.reason as TaskAbortError
      : undefined;
    if (this.gone) return { kind: "gone" };
    if (reason?.why === "stopped") return { kind: "stopped" };
    return {
      kind: "failed",
      error: this.#describe(error),
      permanent: error instanceof PermanentTaskError,
    };
  }

  #describe(error: unknown): JobError {
    if (error instanceof Error) {
      const { name, message, stack } = error;
      return storable({ name, message, ...(stack === undefined ? {} : { stack }) });
    }
    let shown: string;
    try {
      shown = typeof error === "string" ? JSON.stringify(error) : String(error);
    } catch {
      shown = "something that has no text";
    }
    return storable({
      name: "TypeError",
      message: `Task "${this.#task.name}" threw no error, but ${shown}`,
    });
  }
}

/** jsonb takes neither NUL nor a lone surrogate. */
function storable(error: JobError): JobError {
  return Object.fromEntries(
    Object.entries(error).map(([key, text]) => [
      key,
      String(text).replaceAll("\0", "\uFFFD").toWellFormed(),
    ]),
  ) as unknown as JobError;
}
