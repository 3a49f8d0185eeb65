import type { PgBoss } from "pg-boss";
import type { WarnHandler } from "../channels/mod.ts";
import { Attempt } from "./attempt.ts";
import { type Claim, Claims } from "./claims.ts";
import type { TasksDatabase } from "./database.ts";
import { DeadWorkers } from "./dead_workers.ts";
import { Endings } from "./endings.ts";
import type { TaskEvents } from "./events.ts";
import type { JobProgress } from "./job_info.ts";
import { repeat, sleep } from "./loop.ts";
import { forgetOnce } from "./once.ts";
import { ProgressReports } from "./progress.ts";
import type { Queues } from "./queues.ts";
import { RateLimits } from "./rate_limits.ts";
import type { Schedules } from "./schedules.ts";
import type { Task } from "./task.ts";

/** Options of a worker. */
export interface WorkOptions {
  /** How many tasks of all kinds run at once. @default 10 */
  readonly concurrency?: number;
  /** Stops the worker, as its disposal does. @default none */
  readonly signal?: AbortSignal;
  /** How long what runs may go on when the worker stops, in ms. @default 8000 */
  readonly stopTimeoutMs?: number;
}

/** What a {@linkcode TaskWorker} is made of. */
export interface WorkerParts {
  readonly boss: PgBoss;
  readonly database: TasksDatabase;
  readonly queues: Queues;
  readonly schedules: Schedules;
  readonly events: TaskEvents;
  readonly deadAfterMs: number;
  readonly warn: WarnHandler;
}

/** New jobs are heard of; this is for those that become due, and for those not heard of. */
const LOOK_INTERVAL_MS = 500;
const SIGN_INTERVAL_MS = 1_000;
const DEAD_LOOK_INTERVAL_MS = 2_000;
const SCHEDULE_INTERVAL_MS = 1_000;
const FORGET_INTERVAL_MS = 3_600_000;
const DEFAULT_CONCURRENCY = 10;
const DEFAULT_STOP_TIMEOUT_MS = 8_000;
/** What heeds its signal when the worker stops has this long to end. */
const STOP_SIGNAL_MS = 1_000;

/**
 * Does tasks, as they become due, until it is stopped.
 *
 * Twice a second, on hearing of new jobs, and whenever something has ended, it asks which of its
 * tasks have jobs that are due, and claims as many as it has room for, the most urgent first.
 * Every second it signs what it runs; what is not its own any more is asked to end. Every worker
 * also looks for workers that died, and after the schedules.
 *
 * To stop, it claims nothing more and lets what runs end; what has not after a while is asked to,
 * and what still has not is given back, to run elsewhere at once.
 */
export class TaskWorker implements AsyncDisposable {
  readonly #parts: WorkerParts;
  readonly #tasks: ReadonlyMap<string, Task>;
  readonly #concurrency: number;
  readonly #stopTimeoutMs: number;
  readonly #claims: Claims;
  readonly #endings: Endings;
  readonly #rates: RateLimits;
  readonly #progress: ProgressReports;
  readonly #attempts = new Map<Attempt, Promise<void>>();
  readonly #rateWaits = new Map<string, ReturnType<typeof setTimeout>>();
  /** No more is claimed. */
  readonly #stopping = new AbortController();
  /** Nothing more is recorded. */
  readonly #ended = new AbortController();
  readonly #loops: Promise<void>[];
  #stopped: Promise<void> | undefined;
  #ready = false;
  #wanted = false;
  #looking: Promise<void> | undefined;

  /** Made by `work`. */
  constructor(tasks: readonly Task[], options: WorkOptions, parts: WorkerParts) {
    const { boss, database, events, schedules, deadAfterMs, warn } = parts;
    this.#parts = parts;
    this.#tasks = byName(tasks);
    this.#concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
    if (!Number.isInteger(this.#concurrency) || this.#concurrency < 1) {
      throw new RangeError(
        `Cannot work: concurrency ${this.#concurrency} is no whole number above 0`,
      );
    }
    this.#stopTimeoutMs = options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS;
    this.#claims = new Claims(boss, database, warn, this.#ended.signal);
    this.#endings = new Endings(this.#claims, events, warn);
    this.#rates = new RateLimits(database);
    this.#progress = new ProgressReports((reports) => this.#tellProgress(reports));
    const intervalMs = Math.min(DEAD_LOOK_INTERVAL_MS, deadAfterMs / 2);
    const dead = new DeadWorkers({ database, events, timeoutMs: deadAfterMs, intervalMs });
    const loop = (
      what: string,
      everyMs: number,
      run: () => Promise<unknown>,
      { signal } = this.#stopping,
    ) => repeat(run, { everyMs, signal, warn, what });
    this.#loops = [
      loop("The look for jobs", LOOK_INTERVAL_MS, () => this.#look()),
      loop("The sign of life", SIGN_INTERVAL_MS, () => this.#sign(), this.#ended),
      loop("The look for dead workers", intervalMs, () => dead.look()),
      loop("The look at the schedules", SCHEDULE_INTERVAL_MS, () => schedules.fireDue()),
      loop("Tidying up", FORGET_INTERVAL_MS, () => forgetOnce(database)),
    ];
    database.onArrival((task) => {
      if (task === undefined || this.#tasks.has(task)) this.#lookSoon();
    }, this.#stopping.signal);
    if (options.signal?.aborted) void this.stop();
    options.signal?.addEventListener("abort", () => void this.stop(), {
      once: true,
      signal: this.#ended.signal,
    });
  }

  /** How many tasks run. */
  get running(): number {
    return this.#attempts.size;
  }

  /** Lets what runs end, or gives it back; resolves when nothing runs here any more. */
  async stop(): Promise<void> {
    await (this.#stopped ??= this.#stop());
  }

  /** The same as {@linkcode stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#rateWaits.values()) clearTimeout(timer);
    await this.#looking?.catch(() => {});
    await this.#allEnded(this.#stopTimeoutMs);
    for (const attempt of this.#attempts.keys()) attempt.abort("stopped");
    await this.#allEnded(STOP_SIGNAL_MS);
    for (const attempt of this.#attempts.keys()) attempt.abandon();
    // With the database away it cannot be recorded; the sign of life will be missed instead.
    await this.#allEnded(STOP_SIGNAL_MS);
    this.#ended.abort();
    await this.#allEnded(STOP_SIGNAL_MS);
    this.#progress[Symbol.dispose]();
    await Promise.all(this.#loops);
  }

  async #allEnded(timeoutMs: number): Promise<void> {
    const ended = new AbortController();
    await Promise.race([
      Promise.all(this.#attempts.values()).finally(() => ended.abort()),
      sleep(timeoutMs, ended.signal),
    ]);
  }

  #lookSoon(): void {
    // The regular look fails in the same way, and says so.
    this.#look().catch(() => {});
  }

  /** Never twice at once; what happened in the meantime makes it look again. */
  async #look(): Promise<void> {
    this.#wanted = true;
    if (this.#looking !== undefined) return;
    const looking = Promise.withResolvers<void>();
    this.#looking = looking.promise;
    try {
      while (this.#wanted && !this.#stopping.signal.aborted) {
        this.#wanted = false;
        await this.#startDue();
      }
    } finally {
      this.#looking = undefined;
      looking.resolve();
    }
  }

  async #startDue(): Promise<void> {
    if (!this.#ready) {
      for (const task of this.#tasks.values()) await this.#parts.queues.ensure(task);
      this.#ready = true;
    }
    const open = [...this.#tasks.values()].filter((task) =>
      this.#room(task) > 0 && !this.#rateWaits.has(task.name)
    );
    if (open.length === 0) return;
    for (const name of await this.#claims.due(open.map(({ name }) => name))) {
      const task = this.#tasks.get(name)!;
      const room = this.#room(task);
      if (room > 0 && !this.#stopping.signal.aborted) await this.#start(task, room);
    }
  }

  #room({ name, settings }: Task): number {
    const running = [...this.#attempts.keys()].filter(({ claim }) => claim.name === name).length;
    return Math.min(settings.concurrency - running, this.#concurrency - this.#attempts.size);
  }

  async #start(task: Task, room: number): Promise<void> {
    const { rateLimit } = task.settings;
    let limit = room;
    if (rateLimit !== undefined) {
      const { granted, waitMs } = await this.#rates.take(task.name, room, rateLimit);
      if (granted < room) this.#waitForRate(task, waitMs);
      if (granted === 0) return;
      limit = granted;
    }
    const claims = await this.#claims.fetch(task.name, limit);
    if (rateLimit !== undefined) {
      await this.#rates.giveBack(task.name, limit - claims.length, rateLimit);
    }
    for (const claim of claims) this.#run(task, claim);
  }

  #waitForRate({ name }: Task, waitMs: number): void {
    clearTimeout(this.#rateWaits.get(name));
    if (this.#stopping.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#rateWaits.delete(name);
      this.#lookSoon();
    }, waitMs);
    this.#rateWaits.set(name, timer);
  }

  #run(task: Task, claim: Claim): void {
    const attempt = new Attempt(task, claim, (fraction, text = "") => {
      if (this.#attempts.has(attempt)) this.#progress.report(claim.id, fraction, text);
    });
    this.#attempts.set(
      attempt,
      this.#finish(task, attempt).finally(() => {
        this.#attempts.delete(attempt);
        if (!this.#stopping.signal.aborted) this.#lookSoon();
      }),
    );
  }

  async #finish({ settings }: Task, attempt: Attempt): Promise<void> {
    const outcome = await attempt.outcome;
    this.#progress.forget(attempt.claim.id);
    await this.#endings.record(attempt.claim, outcome, settings.keepResultMs);
  }

  /** Stored before it is told: whoever hears of it may look. */
  async #tellProgress(reports: ReadonlyMap<string, JobProgress>): Promise<void> {
    // One that is not stored is followed by others; the sign of life tells of the database.
    await this.#sign(reports).catch(() => {});
    for (const { claim: { id, name: task }, ended } of this.#attempts.keys()) {
      const progress = reports.get(id);
      if (progress === undefined || ended) continue;
      this.#parts.events.send({ type: "task.progress", id, task, ...progress });
    }
  }

  async #sign(reports?: ReadonlyMap<string, JobProgress>): Promise<void> {
    const signed = [...this.#attempts.keys()].filter(({ claim: { id }, gone }) =>
      !gone && (reports?.has(id) ?? true)
    );
    if (signed.length === 0) return;
    const lost = await this.#claims.touch(
      signed.map(({ claim }) => ({ ...claim, progress: reports?.get(claim.id) })),
    );
    for (const attempt of signed) {
      const why = lost.get(attempt.claim.id);
      if (why !== undefined) attempt.abort(why);
    }
  }
}

function byName(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  const found = new Map<string, Task>();
  for (const task of tasks) {
    if (found.has(task.name)) {
      throw new TypeError(`Cannot work: there are two tasks "${task.name}"`);
    }
    found.set(task.name, task);
  }
  return found;
}
