/** What ends later ends never: the server cannot reckon with just any number of ms. */
export const TTL_MAX_MS = 1e14;

// What instances that know of a step and that do not send each other may be taken for old: see
// FRESH_MS in bus.ts, which is longer than this and the other reasons to be late together.
const STEP_MS = 20_000;

/**
 * The database server's clock, set with each heartbeat and whenever keys are loaded: what instances
 * tell each other about time goes by one clock, however wrong their own are.
 */
export class ServerClock {
  readonly #onStep: () => void;
  #offset = Date.now() - performance.now();
  #known = false;

  /** @param onStep told when the server's clock was put forward or back, after it has been set */
  constructor(onStep: () => void = () => {}) {
    this.#onStep = onStep;
  }

  /**
   * @param shown what the server's clock showed, in ms since 1970
   * @param askedAt when it was asked, by `performance.now()`
   */
  set(shown: number, askedAt: number = performance.now()): void {
    // It was read at some time between then and now: an answer that took long is no step.
    const [least, most] = [shown - performance.now(), shown - askedAt];
    const offset = Math.min(Math.max(this.#offset, least), most);
    const stepped = this.#known && Math.abs(offset - this.#offset) > STEP_MS;
    this.#offset = offset;
    this.#known = true;
    if (stepped) this.#onStep();
  }

  /** In ms since 1970. */
  now(): number {
    return performance.now() + this.#offset;
  }
}
