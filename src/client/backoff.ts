/** Options of {@linkcode Backoff}. */
export interface BackoffOptions {
  /**
   * The longest first wait, in milliseconds.
   * @default {500}
   */
  readonly initialMs?: number;
  /**
   * The longest wait, in milliseconds.
   * @default {15_000}
   */
  readonly maxMs?: number;
  /** Numbers from 0 up to but not including 1. */
  readonly random?: () => number;
}

/**
 * How long to wait before the next try: doubling up to a cap, with half of each wait left to
 * chance, so that the clients of a server that fell do not all come back in the same moment.
 *
 * @example
 * ```ts
 * import { Backoff } from "./backoff.ts";
 * const backoff = new Backoff({ random: () => 0.5 });
 * backoff.next(); // 375
 * backoff.next(); // 750
 * backoff.reset();
 * ```
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #tries = 0;

  /** Begins with the shortest wait. */
  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 500;
    this.#maxMs = options.maxMs ?? 15_000;
    this.#random = options.random ?? Math.random;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#tries);
    if (ceiling < this.#maxMs) this.#tries++;
    return Math.round(ceiling / 2 + this.#random() * ceiling / 2);
  }

  /** Begins again with the shortest wait. */
  reset(): void {
    this.#tries = 0;
  }
}
