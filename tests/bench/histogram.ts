const STEPS_PER_DOUBLING = 32;
const LOWEST_MS = 0.01;
const BUCKETS = 32 * STEPS_PER_DOUBLING;

/** Counts durations in buckets that grow by 2.2 %, from 0.01 ms on: small, and exact enough. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;
  max = 0;

  add(ms: number): void {
    this.count++;
    if (ms > this.max) this.max = ms;
    const bucket = ms <= LOWEST_MS ? 0 : Math.log2(ms / LOWEST_MS) * STEPS_PER_DOUBLING | 0;
    this.#counts[Math.min(bucket, BUCKETS - 1)]!++;
  }

  /** The upper edge, in ms, of the bucket that holds this share of all. */
  quantile(share: number): number {
    const wanted = share * this.count;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted && seen > 0) {
        return Math.min(this.max, LOWEST_MS * 2 ** ((bucket + 1) / STEPS_PER_DOUBLING));
      }
    }
    return this.max;
  }
}
