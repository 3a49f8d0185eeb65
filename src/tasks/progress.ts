import type { JobProgress } from "./job_info.ts";

/** Four times a second is more than anybody can read. */
const INTERVAL_MS = 250;
const TEXT_MAX_LENGTH = 1_000;

/** Joins what running tasks report: the first is handed on at once, the others a little later. */
export class ProgressReports {
  readonly #handOn: (reports: ReadonlyMap<string, JobProgress>) => void;
  #pending = new Map<string, JobProgress>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(handOn: (reports: ReadonlyMap<string, JobProgress>) => void) {
    this.#handOn = handOn;
  }

  /** @throws {RangeError} when the fraction is no number */
  report(id: string, fraction: number, text: string): void {
    if (typeof fraction !== "number" || Number.isNaN(fraction)) {
      throw new RangeError(`Cannot report progress ${fraction}: it is no number from 0 to 1`);
    }
    this.#pending.set(id, {
      fraction: Math.min(Math.max(fraction, 0), 1),
      text: String(text).slice(0, TEXT_MAX_LENGTH).replaceAll("\0", "").toWellFormed(),
    });
    if (this.#timer === undefined) this.#flush();
  }

  /** What has ended has no progress any more. */
  forget(id: string): void {
    this.#pending.delete(id);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    const reports = this.#pending;
    this.#pending = new Map();
    this.#timer = setTimeout(() => this.#flush(), INTERVAL_MS);
    this.#handOn(reports);
  }
}
