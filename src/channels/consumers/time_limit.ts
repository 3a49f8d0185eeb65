/** A timer waits for some 24 days at most; one for longer would ring at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Of options in ms, where Infinity is for none.
 *
 * @throws {RangeError} when one is not above 0
 */
export function assertTimeLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, ms] of Object.entries(limits)) {
    if (ms > 0) continue;
    throw new RangeError(`Cannot use ${name} ${ms}: not a number above 0`);
  }
}
