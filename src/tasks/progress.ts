import type { JobProgress } from "./job_info.ts";

/** Four times a second is more than anybody can read. */
const INTERVAL_MS = 250;
const TEXT_MAX_LENGTH = 1_000;

/**
 * Joins what running tasks report: the first is handed on at once, the others a little later, and
 * never two lots at a time, so that an older report cannot overtake a newer one.
 */
export class ProgressReports {
  readonly #handOn: (reports: ReadonlyMap<string, JobProgress>) => Promise<void>;
  #pending = new Map<string, JobProgress>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resting = false;
  #closed = false;

  /** What hands them on does not reject. */
  constructor(handOn: (reports: ReadonlyMap<string, JobProgress>) => Promise<void>) {
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
    if (!this.#resting) void this.#flush();
  }

  /** What has ended has no progress any more. */
  forget(id: string): void {
    this.#pending.delete(id);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  async #flush(): Promise<void> {
    const reports = this.#pending;
    this.#resting = reports.size > 0 && !this.#closed;
    if (!this.#resting) return;
    this.#pending = new Map();
    await this.#handOn(reports);
    if (!this.#closed) this.#timer = setTimeout(() => void this.#flush(), INTERVAL_MS);
  }
}
