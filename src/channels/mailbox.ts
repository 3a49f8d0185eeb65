import { setImmediate } from "node:timers";
import { ChannelFullError } from "./errors.ts";
import type { Message } from "./message.ts";

/** Takes messages one at a time: the next when what it returned has settled. Must not throw. */
export type MailboxHandler = (message: Message) => Promise<void> | void;

/**
 * So many messages that waited are handled before the event loop turns, at most: a handler that sends
 * to itself without end would keep sockets and timers waiting.
 */
export const TURN_MESSAGES = 1_000;

// What comes in the rest of such a turn, and until that is handled, finds room beyond the capacity:
// its reader is not to blame.
const PAUSED_MESSAGES = 10 * TURN_MESSAGES;

interface Waiter {
  resolve(message: Message): void;
  reject(reason: unknown): void;
}

/** The messages of one channel that nobody has taken yet, and whoever takes them. */
export class Mailbox {
  readonly #name: string;
  readonly #capacity: number;
  /** So many may wait now. */
  #room: number;
  readonly #now: () => number;
  readonly #waiters = new Set<Waiter>();
  #items: { readonly message: Message; readonly expires: number }[] = [];
  #handler: MailboxHandler | undefined;
  /** A handler is at work, or has been for long enough in this turn: its next message waits. */
  #busy = false;
  /** Of those that waited, since the event loop last turned. */
  #handledInTurn = 0;
  /** It goes on when the event loop has turned. */
  #paused = false;
  /** Whether the last message found no room. */
  overflowing = false;
  /** Counts messages that nobody took in time. */
  expired = 0;

  constructor(name: string, capacity: number, now: () => number) {
    this.#name = name;
    this.#capacity = this.#room = capacity;
    this.#now = now;
  }

  /** Nothing in it and nobody at it: it can be forgotten. */
  get idle(): boolean {
    return this.#items.length === 0 && this.#waiters.size === 0 && this.#handler === undefined;
  }

  /** Whether a handler takes its messages. */
  get handled(): boolean {
    return this.#handler !== undefined;
  }

  /** @throws {ChannelFullError} at capacity */
  put(message: Message, expires: number): void {
    if (this.#handler !== undefined && !this.#busy) {
      this.#busy = true;
      if (this.#handle(message)) this.#handleWaiting();
      return;
    }
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      return waiter.resolve(message);
    }
    if (this.#items.length >= this.#room) {
      this.dropExpired();
      if (this.#items.length >= this.#room) throw new ChannelFullError(this.#name, message);
    }
    this.overflowing = false;
    this.#items.push({ message, expires });
  }

  /**
   * The oldest message, now or later. A cancelled wait takes none along.
   *
   * @throws {TypeError} while a handler takes them all
   */
  async take(signal?: AbortSignal): Promise<Message> {
    this.#assertUnhandled("receive from");
    signal?.throwIfAborted();
    this.dropExpired();
    const first = this.#items.shift();
    if (first !== undefined) return first.message;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiter: Waiter = { resolve, reject };
    const cancel = () => this.#waiters.delete(waiter) && reject(signal!.reason);
    signal?.addEventListener("abort", cancel, { once: true });
    this.#waiters.add(waiter);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Gives everything to a handler from now on, beginning with what waits.
   *
   * @throws {TypeError} when there is one already, or somebody waits to receive
   */
  handle(handler: MailboxHandler): void {
    this.#assertUnhandled("subscribe to");
    if (this.#waiters.size > 0) {
      throw new TypeError(`Cannot subscribe to channel "${this.#name}": somebody receives from it`);
    }
    this.#handler = handler;
    if (!this.#busy) this.#handleWaiting();
  }

  unhandle(): void {
    this.#handler = undefined;
  }

  /** Drops what waits. */
  clear(): void {
    this.#items = [];
  }

  /** Ends every wait. */
  end(reason: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
    this.#handler = undefined;
    this.clear();
  }

  dropExpired(): void {
    const now = this.#now();
    const kept = this.#items.findIndex((item) => item.expires > now);
    const dropped = kept < 0 ? this.#items.length : kept;
    if (dropped === 0) return;
    this.expired += dropped;
    this.#items.splice(0, dropped);
  }

  #assertUnhandled(what: string): void {
    if (this.#handler === undefined) return;
    throw new TypeError(`Cannot ${what} channel "${this.#name}": a handler has subscribed to it`);
  }

  /** Whether the next message may follow at once. */
  #handle(message: Message): boolean {
    const working = this.#handler!(message);
    if (working === undefined) return true;
    void working.then(() => this.#handleWaiting());
    return false;
  }

  #handleWaiting(): void {
    this.#busy = true;
    while (this.#handler !== undefined && this.#items.length > 0) {
      if (this.#handledInTurn === TURN_MESSAGES) {
        this.#paused = true;
        this.#room = this.#capacity + PAUSED_MESSAGES;
        return;
      }
      this.dropExpired();
      const first = this.#items.shift();
      if (first === undefined) break;
      if (this.#handledInTurn++ === 0) setImmediate(() => this.#turned());
      if (!this.#handle(first.message)) return;
    }
    this.#busy = false;
    this.#room = this.#capacity;
  }

  #turned(): void {
    this.#handledInTurn = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#handleWaiting();
  }
}
