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

/**
 * Of options in ms that are waited for again and again; undefined is for the default.
 *
 * @throws {RangeError} when a timer cannot wait for that long
 */
export function assertIntervals(intervals: Readonly<Record<string, number | undefined>>): void {
  for (const [name, ms] of Object.entries(intervals)) {
    if (ms === undefined || (ms > 0 && ms <= TIMER_MAX_MS)) continue;
    throw new RangeError(
      `Cannot use ${name} ${ms}: not a number above 0 and up to ${TIMER_MAX_MS}`,
    );
  }
}

/**
 * What a promise resolves to, if it settles in this time.
 *
 * @throws {Error} with this message, when it does not
 */
export async function inTime<T>(working: PromiseLike<T>, ms: number, late: string): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Error(late)), ms);
  try {
    return await Promise.race([working, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
