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

/**
 * Who hears what on one bus. A handler that throws is reported and stops nobody else.
 *
 * Each registration is called, and ends with its own signal, also where one function is registered
 * twice. Who registers while handlers are called hears what comes next; who leaves meanwhile hears
 * nothing more.
 */
export class Subscribers {
  readonly #topics = new Map<string, Registrations<BusHandler>>();
  readonly #doubts = new Registrations<(reason: Doubt) => void>();
  readonly #warn: WarnHandler;

  constructor(warn: WarnHandler) {
    this.#warn = unfailing(warn);
  }

  subscribe(topic: string, handler: BusHandler, signal?: AbortSignal): void {
    let registrations = this.#topics.get(topic);
    if (registrations === undefined) {
      this.#topics.set(topic, registrations = new Registrations<BusHandler>());
    }
    registrations.add(handler, signal);
  }

  onDoubt(handler: (reason: Doubt) => void, signal?: AbortSignal): void {
    this.#doubts.add(handler, signal);
  }

  deliver(topic: string, bytes: Uint8Array, from: string): void {
    for (const registration of this.#topics.get(topic)?.current() ?? []) {
      if (registration.ended) continue;
      try {
        registration.handler(bytes, from);
      } catch (error) {
        this.#warn(`A subscriber of topic "${topic}" failed`, error);
      }
    }
  }

  doubt(reason: Doubt): void {
    for (const registration of this.#doubts.current()) {
      if (registration.ended) continue;
      try {
        registration.handler(reason);
      } catch (error) {
        this.#warn("A doubt handler failed", error);
      }
    }
  }
}

/** One call of `subscribe` or `onDoubt`. */
interface Registration<Handler> {
  readonly handler: Handler;
  ended: boolean;
}

class Registrations<Handler> {
  readonly #all = new Set<Registration<Handler>>();
  /** As they are now, until one more comes or goes: not copied for every publication. */
  #copy: readonly Registration<Handler>[] | undefined;

  add(handler: Handler, signal?: AbortSignal): void {
    if (signal?.aborted) return;
    const registration = { handler, ended: false };
    this.#all.add(registration);
    this.#copy = undefined;
    signal?.addEventListener("abort", () => this.#end(registration), { once: true });
  }

  /**
   * Those of now. Who walks them meets none that comes meanwhile: one that leaves and comes again
   * whenever it is called would be called without end.
   */
  current(): readonly Registration<Handler>[] {
    return this.#copy ??= [...this.#all];
  }

  #end(registration: Registration<Handler>): void {
    registration.ended = true;
    this.#all.delete(registration);
    this.#copy = undefined;
  }
}
