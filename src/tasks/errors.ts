/** The input does not fit the task's schema: nothing was queued. */
export class TaskInputError extends TypeError {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskInputError";
  /** The task. */
  readonly task: string;

  /** Of a task, and what is wrong about the input. */
  constructor(task: string, reason: string, options?: ErrorOptions) {
    super(`Cannot queue task "${task}": ${reason}`, options);
    this.task = task;
  }
}

/** A task failed after all of its attempts; the message is that of its last error. */
export class TaskFailedError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskFailedError";
  /** The job. */
  readonly id: string;

  /** Of a job and the message of its last error. */
  constructor(id: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.id = id;
  }
}

/** A job was cancelled before it had a result. */
export class TaskCancelledError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskCancelledError";

  /** Of a job. */
  constructor(readonly id: string) {
    super(`Cannot give the result of job "${id}": it was cancelled`);
  }
}

/** A job had no result within the time that its caller would wait. The job itself goes on. */
export class TaskTimeoutError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskTimeoutError";

  /** Of a job and the time waited, in ms. */
  constructor(readonly id: string, timeoutMs: number) {
    super(`Cannot give the result of job "${id}": there is none within ${timeoutMs} ms`);
  }
}

/** There is no such job: it never was, or its result was kept for its time. */
export class TaskNotFoundError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskNotFoundError";

  /** Of a job. */
  constructor(readonly id: string) {
    super(`Cannot find job "${id}": it never was, or is no longer kept`);
  }
}

/** Thrown by a task, or about one: to try again is pointless, so it fails at once. */
export class PermanentTaskError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name: string = "PermanentTaskError";
}

/** Why a task is asked to end. */
export type TaskAbortCause =
  /** It ran for longer than its `timeoutMs`. */
  | "time limit"
  /** Somebody cancelled it. */
  | "cancelled"
  /** Its worker stops; it will run again elsewhere. */
  | "stopped"
  /** Its worker was thought dead; it runs, or will run, elsewhere. */
  | "lost";

/** The reason of the `signal` that a task is given. */
export class TaskAbortError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "TaskAbortError";

  /** Of a task, and why it is asked to end. */
  constructor(readonly why: TaskAbortCause, message: string) {
    super(message);
  }
}
