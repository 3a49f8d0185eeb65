/** Options of {@linkcode Emitter.on}. */
export interface ListenOptions {
  /** Stops listening when aborted. */
  readonly signal?: AbortSignal;
}

/** Typed events, each with one value. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Listens until the returned function is called or the signal is aborted. */
  on<Type extends keyof Events>(
    type: Type,
    listener: (event: Events[Type]) => void,
    options: ListenOptions = {},
  ): () => void {
    const off = () => void this.#listeners.get(type)?.delete(listener);
    if (options.signal?.aborted) return off;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    options.signal?.addEventListener("abort", off, { once: true });
    return off;
  }

  /** Calls the listeners in the order in which they came. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        (listener as (event: Events[Type]) => void)(event);
      } catch (error) {
        // A fault in somebody's listener must not stop the stream; it is still reported as uncaught.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
