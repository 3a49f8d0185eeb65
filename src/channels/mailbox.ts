import { ChannelFullError, type Message } from "./errors.ts";

interface Waiter {
  resolve(message: Message): void;
}

/** The messages of one channel that nobody has taken yet, and whoever waits for one. */
export class Mailbox {
  readonly #name: string;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #waiters = new Set<Waiter>();
  #items: { readonly message: Message; readonly expires: number }[] = [];
  #handler: ((message: Message) => void) | undefined;
  /** Counts messages that nobody took in time. */
  expired = 0;

  constructor(name: string, capacity: number, now: () => number) {
    this.#name = name;
    this.#capacity = capacity;
    this.#now = now;
  }

  /** Nothing in it and nobody at it: it can be forgotten. */
  get idle(): boolean {
    return this.#items.length === 0 && this.#waiters.size === 0 && this.#handler === undefined;
  }

  /** @throws {ChannelFullError} at capacity */
  put(message: Message, expires: number): void {
    if (this.#handler !== undefined) return this.#handler(message);
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      return waiter.resolve(message);
    }
    this.#dropExpired();
    if (this.#items.length >= this.#capacity) throw new ChannelFullError(this.#name, message);
    this.#items.push({ message, expires });
  }

  /** The oldest message, now or later. A cancelled wait takes none along. */
  async take(signal?: AbortSignal): Promise<Message> {
    signal?.throwIfAborted();
    this.#dropExpired();
    const first = this.#items.shift();
    if (first !== undefined) return first.message;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiter: Waiter = { resolve };
    const cancel = () => this.#waiters.delete(waiter) && reject(signal!.reason);
    signal?.addEventListener("abort", cancel, { once: true });
    this.#waiters.add(waiter);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Gives everything to a handler from now on, beginning with what waits. */
  handle(handler: (message: Message) => void): void {
    this.#dropExpired();
    const items = this.#items;
    this.#items = [];
    this.#handler = handler;
    for (const { message } of items) handler(message);
  }

  unhandle(): void {
    this.#handler = undefined;
  }

  /** Drops what waits. */
  clear(): void {
    this.#items = [];
  }

  #dropExpired(): void {
    const now = this.#now();
    const kept = this.#items.findIndex((item) => item.expires > now);
    const dropped = kept < 0 ? this.#items.length : kept;
    if (dropped === 0) return;
    this.expired += dropped;
    this.#items.splice(0, dropped);
  }
}
