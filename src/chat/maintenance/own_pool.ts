import type { Pool, PoolOptions } from "../../db/pool.ts";

/** Where a connection comes from. */
export interface PoolSource {
  openPool(options: PoolOptions): Pool;
}

/** A network that swallowed the connection is noticed after this. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Runs statements on a connection of their own: what takes long must hold up no reader. When the
 * signal aborts, the connection is closed, and with it whatever waits for it ends.
 */
export async function onOwnPool<T>(
  source: PoolSource,
  signal: AbortSignal,
  run: (pool: Pool) => Promise<T>,
): Promise<T> {
  await using pool = source.openPool({
    name: "maru-maintenance",
    timeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const close = () => void pool[Symbol.asyncDispose]();
  signal.addEventListener("abort", close, { once: true });
  try {
    return await run(pool);
  } finally {
    signal.removeEventListener("abort", close);
  }
}
