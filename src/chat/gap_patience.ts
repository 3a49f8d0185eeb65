/** A gap is read when it has stayed for so long … */
export const GAP_GRACE_MS = 50;
/** … but no more than so many in a second: the others … */
export const EARLY_GAP_READS = 20;
/** … have until then to close by themselves. */
export const BUSY_GAP_GRACE_MS = 250;

const WINDOW_MS = 1_000;

/**
 * How long an instance's hubs wait for an entry that others came before. Mostly it is on its way: two
 * instances that write to one room hear of each other a little late. What nobody tells is read: an
 * entry that SQL appended, or whose instance died between its commit and its hint.
 *
 * The busier the database, the later the hints, and reading gaps meanwhile makes it busier yet. So
 * only a few are read early.
 */
export class GapPatience {
  readonly #now: () => number;
  #windowSince = -Infinity;
  #reads = 0;

  /** @param now a clock in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How much longer a gap that has stayed for so long waits, in ms; 0: it is read now. */
  waitMs(waitedMs: number): number {
    if (waitedMs < GAP_GRACE_MS) return GAP_GRACE_MS - waitedMs;
    if (waitedMs >= BUSY_GAP_GRACE_MS || this.#mayReadEarly()) return 0;
    return BUSY_GAP_GRACE_MS - waitedMs;
  }

  #mayReadEarly(): boolean {
    const now = this.#now();
    if (now - this.#windowSince >= WINDOW_MS) {
      this.#windowSince = now;
      this.#reads = 0;
    }
    return this.#reads++ < EARLY_GAP_READS;
  }
}
