/** How fast something may happen: on average, and at once. */
export interface Rate {
  /** A second; 0 turns the limit off. */
  readonly perSecond: number;
  /** At once, after a rest. */
  readonly burst: number;
}

const MAX_KEYS = 100_000;

/**
 * A token bucket for each key, on this instance. Full buckets are forgotten, so that memory follows
 * who is active, not who ever was.
 */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @param now a clock in ms that never goes back */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes a token: 0 when it may go on, else the seconds until it may. */
  take(key: string): number {
    const { perSecond, burst } = this.#rate;
    if (perSecond === 0) return 0;
    const now = this.#now();
    const bucket = this.#buckets.get(key) ?? this.#add(key, now);
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 * perSecond);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return (1 - bucket.tokens) / perSecond;
  }

  #add(key: string, now: number): { tokens: number; at: number } {
    if (this.#buckets.size >= MAX_KEYS) this.#forgetFull(now);
    const bucket = { tokens: this.#rate.burst, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #forgetFull(now: number): void {
    const { perSecond, burst } = this.#rate;
    for (const [key, { tokens, at }] of this.#buckets) {
      if (tokens + (now - at) / 1000 * perSecond >= burst) this.#buckets.delete(key);
    }
    // Everybody is active: the oldest entries go, a Map keeps the order of insertion.
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size < MAX_KEYS) break;
      this.#buckets.delete(key);
    }
  }
}
