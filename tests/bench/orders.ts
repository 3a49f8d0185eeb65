/** How what the members of one room received differs. */
export interface OrderReport {
  /** Deliveries of what a member had already. */
  readonly doubled: number;
  /** For each member, whether it saw another order than the first member. */
  readonly differs: readonly boolean[];
}

/**
 * Compares what the members of a room received, each as the indexes of messages in the order of their
 * arrival. What a member has not received is no matter of order.
 */
export function compareOrders(received: readonly (readonly number[])[]): OrderReport {
  const rank = new Map<number, number>();
  for (const index of received[0] ?? []) {
    if (!rank.has(index)) rank.set(index, rank.size);
  }
  let doubled = 0;
  const differs = received.map((indexes) => {
    const seen = new Set<number>();
    let last = -1;
    let differs = false;
    for (const index of indexes) {
      if (seen.has(index)) {
        doubled++;
        continue;
      }
      seen.add(index);
      const at = rank.get(index);
      if (at === undefined) continue;
      if (at < last) differs = true;
      last = at;
    }
    return differs;
  });
  return { doubled, differs };
}
