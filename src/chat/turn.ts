import { setImmediate } from "node:timers";

/**
 * Gathers what is to be done at the end of the event loop's turn, so that what became ready in one
 * turn goes out together. What is deferred meanwhile is done in the same go.
 */
export class TurnEnd {
  #callbacks: (() => void)[] = [];
  readonly #onError: (message: string, error: unknown) => void;

  constructor(onError: (message: string, error: unknown) => void) {
    this.#onError = onError;
  }

  readonly defer = (callback: () => void): void => {
    if (this.#callbacks.push(callback) === 1) setImmediate(this.#run);
  };

  readonly #run = (): void => {
    for (let i = 0; i < this.#callbacks.length; i++) {
      try {
        this.#callbacks[i]!();
      } catch (error) {
        this.#onError("A callback at the end of a turn failed", error);
      }
    }
    this.#callbacks = [];
  };
}
