import { setImmediate } from "node:timers";
import type { Bus, BusCounters, BusHandler, BusHealth, Doubt } from "./bus.ts";
import { TURN_MESSAGES } from "./mailbox.ts";
import { Subscribers, type WarnHandler } from "./subscribers.ts";

/** Makes buses of one process that hear each other: for tests, and for a service of one instance. */
export function memoryBusNetwork(): { bus(options?: { warn?: WarnHandler }): Bus } {
  const network = new Set<MemoryBus>();
  let count = 0;
  return {
    bus: (options = {}) => new MemoryBus(network, `memory${++count}`, options.warn ?? (() => {})),
  };
}

/** Carries publications within one process, in a later turn, as a real bus would. */
class MemoryBus implements Bus {
  readonly instance: string;
  readonly inlineLimit: number = Infinity;
  readonly #network: Set<MemoryBus>;
  readonly #subscribers: Subscribers;
  readonly #since = Date.now();
  readonly #counters = { sent: 0, delivered: 0 };
  #pending: { topic: string; bytes: Uint8Array; to: string | undefined }[] = [];
  #flushed: Promise<void> = Promise.resolve();
  #carriedInTurn = 0;

  constructor(network: Set<MemoryBus>, instance: string, warn: WarnHandler) {
    this.instance = instance;
    this.#network = network;
    this.#subscribers = new Subscribers(warn);
    network.add(this);
  }

  publish(topic: string, bytes: Uint8Array, options: { readonly to?: string } = {}): void {
    this.#counters.sent++;
    if (this.#pending.push({ topic, bytes, to: options.to }) > 1) return;
    this.#flushed = this.#later().then(() => this.#carry());
  }

  subscribe(topic: string, handler: BusHandler, options: { readonly signal?: AbortSignal } = {}) {
    this.#subscribers.subscribe(topic, handler, options.signal);
  }

  onDoubt(handler: (reason: Doubt) => void, options: { readonly signal?: AbortSignal } = {}) {
    this.#subscribers.onDoubt(handler, options.signal);
  }

  health(): BusHealth {
    return { listening: this.#network.has(this), since: this.#since };
  }

  counters(): BusCounters {
    return { ...this.#counters };
  }

  async flush(): Promise<void> {
    await this.#flushed;
  }

  async close(): Promise<void> {
    await this.#flushed;
    this.#network.delete(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Two who answer each other for ever let the event loop turn, too. */
  async #later(): Promise<void> {
    if (++this.#carriedInTurn < TURN_MESSAGES) return;
    this.#carriedInTurn = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #carry(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { topic, bytes, to } of pending) {
      for (const other of this.#network) {
        if (other === this || (to !== undefined && to !== other.instance)) continue;
        other.#counters.delivered++;
        other.#subscribers.deliver(topic, bytes, this.instance);
      }
    }
  }
}
