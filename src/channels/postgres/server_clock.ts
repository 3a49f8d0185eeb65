/** What ends later ends never: the server cannot reckon with just any number of ms. */
export const TTL_MAX_MS = 1e14;

/**
 * The database server's clock, set whenever keys are loaded: what instances tell each other about
 * time goes by one clock, however wrong their own are.
 */
export class ServerClock {
  #offset = Date.now() - performance.now();

  /** @param now what the server's clock shows now, in ms since 1970 */
  set(now: number): void {
    this.#offset = now - performance.now();
  }

  /** In ms since 1970. */
  now(): number {
    return performance.now() + this.#offset;
  }
}
