const POLL_MS = 20;
const POLL_TIMEOUT_MS = 20_000;

/** Waits until something is so. */
export async function until<T>(
  what: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  timeoutMs = POLL_TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await what();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`It was never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
