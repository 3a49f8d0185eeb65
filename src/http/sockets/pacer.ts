/** A socket that was just written to is written to again after this at the earliest. */
export const PACE_MS = 25;

/** What a {@linkcode Pacer} flushes. */
export interface Paced {
  /** Whether something waits to be sent. */
  readonly waiting: boolean;
  flush(): void;
}

/**
 * Joins the writes of busy sockets. A quiet one is flushed at the end of the turn, and is **hot**
 * then; a hot one is flushed at the next tick, and cools down when nothing waited. So a message in a
 * quiet room goes out at once, and a room in which a hundred talk costs its members at most forty
 * writes a second. One timer for all, and only while any is hot.
 */
export class Pacer implements Disposable {
  readonly #hot = new Set<Paced>();
  /** To be flushed at the end of this turn. */
  #due: Paced[] = [];
  readonly #defer: (callback: () => void) => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param defer calls back at the end of the turn */
  constructor(defer: (callback: () => void) => void) {
    this.#defer = defer;
  }

  schedule(paced: Paced): void {
    if (this.#hot.has(paced)) return;
    this.#hot.add(paced);
    if (this.#due.push(paced) === 1) this.#defer(this.#flushDue);
    this.#timer ??= setInterval(this.#tick, PACE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#hot.clear();
  }

  readonly #flushDue = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const paced of due) paced.flush();
  };

  readonly #tick = (): void => {
    for (const paced of this.#hot) {
      if (paced.waiting) paced.flush();
      else this.#hot.delete(paced);
    }
    if (this.#hot.size === 0) this[Symbol.dispose]();
  };
}
