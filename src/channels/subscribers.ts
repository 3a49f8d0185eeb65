import type { BusHandler, Doubt } from "./bus.ts";

/** Told of what should not happen and does not stop anything. */
export type WarnHandler = (message: string, error: unknown) => void;

/** The same, but one that throws itself stops nothing: there is nobody to tell that. */
export function unfailing(warn: WarnHandler): WarnHandler {
  return (message, error) => {
    try {
      warn(message, error);
    } catch {
      // What it was told of goes on.
    }
  };
}

/** Who hears what on one bus. A handler that throws is reported and stops nobody else. */
export class Subscribers {
  readonly #topics = new Map<string, Set<BusHandler>>();
  readonly #doubts = new Set<(reason: Doubt) => void>();
  readonly #warn: WarnHandler;

  constructor(warn: WarnHandler) {
    this.#warn = unfailing(warn);
  }

  subscribe(topic: string, handler: BusHandler, signal?: AbortSignal): void {
    if (signal?.aborted) return;
    const handlers = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, handlers);
    handlers.add(handler);
    signal?.addEventListener("abort", () => handlers.delete(handler), { once: true });
  }

  onDoubt(handler: (reason: Doubt) => void, signal?: AbortSignal): void {
    if (signal?.aborted) return;
    this.#doubts.add(handler);
    signal?.addEventListener("abort", () => this.#doubts.delete(handler), { once: true });
  }

  deliver(topic: string, bytes: Uint8Array, from: string): void {
    for (const handler of this.#topics.get(topic) ?? []) {
      try {
        handler(bytes, from);
      } catch (error) {
        this.#warn(`A subscriber of topic "${topic}" failed`, error);
      }
    }
  }

  doubt(reason: Doubt): void {
    for (const handler of this.#doubts) {
      try {
        handler(reason);
      } catch (error) {
        this.#warn("A doubt handler failed", error);
      }
    }
  }
}
