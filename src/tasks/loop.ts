import type { WarnHandler } from "../channels/mod.ts";

/** Options of {@linkcode repeat}. */
export interface RepeatOptions {
  /** From the end of one run to the beginning of the next, in ms. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Told the first failure of a row; while the database is away every run fails. */
  readonly warn: WarnHandler;
  /** What failed, for the warning. */
  readonly what: string;
}

/** Runs something again and again, never twice at once; settles after the signal's last run. */
export async function repeat(
  run: () => Promise<unknown>,
  { everyMs, signal, warn, what }: RepeatOptions,
): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    try {
      await run();
      failing = false;
    } catch (error) {
      if (!failing && !signal.aborted) warn(`${what} failed; it is tried again`, error);
      failing = true;
    }
    await sleep(everyMs, signal);
  }
}

/** Resolves after a time, or as soon as the signal aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  signal?.addEventListener("abort", done, { once: true });
  return promise;
}
