import type { BenchMessage } from "./carrier.ts";

/** What is wrong with what a receiver got. */
export interface Wrong {
  readonly lost: number;
  readonly doubled: number;
  /** After a later one of the same sender to the same group. */
  readonly disordered: number;
}

/** The messages of one sender to one group. */
interface Stream {
  last: number;
  /** Numbers before the last one that have not come. */
  readonly missing: Set<number>;
}

/** Counts what one receiver gets, and finds what is lost, doubled and out of order. */
export class Tally {
  readonly #streams = new Map<string, Stream>();
  #doubled = 0;
  #disordered = 0;
  /** How many came, each counted once. */
  received = 0;

  take(group: number, { from, n }: Pick<BenchMessage, "from" | "n">): void {
    const stream = this.#stream(from, group);
    if (n > stream.last) {
      for (let skipped = stream.last + 1; skipped < n; skipped++) stream.missing.add(skipped);
      stream.last = n;
    } else if (stream.missing.delete(n)) this.#disordered++;
    else {
      this.#doubled++;
      return;
    }
    this.received++;
  }

  /** @param sent how many each sender has sent to each group: `sent[from][group]` */
  compare(sent: readonly (readonly number[])[]): Wrong {
    let lost = 0;
    for (const [from, groups] of sent.entries()) {
      for (const [group, count] of groups.entries()) {
        const { last, missing } = this.#stream(from, group);
        lost += count - last + missing.size;
      }
    }
    return { lost, doubled: this.#doubled, disordered: this.#disordered };
  }

  #stream(from: number, group: number): Stream {
    const key = `${from} ${group}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) this.#streams.set(key, stream = { last: 0, missing: new Set() });
    return stream;
  }
}
