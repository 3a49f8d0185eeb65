import { sleep } from "./sleep.ts";

/** What a {@linkcode KeyWatch} is made of. */
export interface KeyWatchOptions {
  /** Loads the keys anew; false when that cannot be done now. */
  readonly load: () => Promise<boolean>;
  /** The most time from a load to the next, in ms, beside a second of pause. @default 60000 */
  readonly intervalMs?: number;
}

/**
 * A deleted key opens for at most this long, the pause, and the load's own time: a good minute.
 * Whoever rotates reckons with it (docs/operations.md).
 */
const DEFAULT_KEYS_INTERVAL_MS = 60_000;
// Anybody can make up payloads with key ids that nobody knows: they cause no more loads than this.
const PAUSE_MS = 1_000;

/**
 * Has the keys loaded now and then, so that a deleted one opens no more, and as soon as it may when
 * somebody seems to use one that is not known yet. What is asked while a load is under way or just
 * over causes one more: the key may have been made after that load had looked.
 */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #asked = new AbortController();

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Loads them soon. */
  ask(): void {
    this.#asked.abort();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#asked.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { load, intervalMs = DEFAULT_KEYS_INTERVAL_MS } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      // Not all instances at once.
      await sleep(intervalMs * (0.5 + Math.random() / 2), this.#asked.signal);
      if (signal.aborted) return;
      this.#asked = new AbortController();
      if (!await load()) this.ask();
      await sleep(PAUSE_MS, signal);
    }
  }
}
