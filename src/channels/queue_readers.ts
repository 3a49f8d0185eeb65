import { decodeMessage, type Message } from "./message.ts";
import type { QueuedMessage, QueueStore } from "./stores.ts";
import type { WarnHandler } from "./subscribers.ts";

/** A reader that no wake reached looks for itself after this. */
export const QUEUE_POLL_MS = 1_000;

interface Waiter {
  resolve(message: Message): void;
  reject(reason: unknown): void;
}

interface Reader {
  readonly waiters: Set<Waiter>;
  pumping: Promise<void> | null;
  /** One look into the store, until what it took is handed on or put back. */
  round: Promise<void> | null;
  /** Somebody came, or something was put, while it pumped. */
  again: boolean;
}

/** The rounds that were under way for whoever gave up waiting, by the signal that it waited with. */
const abandoned = new WeakMap<AbortSignal, Set<Promise<void>>>();

/**
 * Resolves when nothing is being taken any more for those who waited with a signal and gave up: it
 * has been handed on or put back. They themselves are told before that; a process that ends in
 * between takes the message along.
 */
export async function settled(signal: AbortSignal): Promise<void> {
  await Promise.all(abandoned.get(signal) ?? []);
}

/**
 * Those of one instance who wait for messages of queue channels.
 *
 * A message is taken from the store only for somebody who waits. Whoever gave up in between leaves
 * it to the next one here, or it is put back to its place for another instance. A wake is a hint;
 * the poll finds what no hint told of.
 */
export class QueueReaders {
  readonly #store: QueueStore;
  readonly #warn: WarnHandler;
  /** Tells the other instances that there is something in a channel. */
  readonly #tell: (channel: string) => void;
  readonly #readers = new Map<string, Reader>();
  #poll: ReturnType<typeof setInterval> | undefined;
  #failing = false;
  /** Counts what was taken and is no message. */
  undecodable = 0;

  constructor(store: QueueStore, warn: WarnHandler, tell: (channel: string) => void) {
    this.#store = store;
    this.#warn = warn;
    this.#tell = tell;
  }

  /** The oldest message, now or later. */
  async take(channel: string, signal?: AbortSignal): Promise<Message> {
    signal?.throwIfAborted();
    const reader = this.#reader(channel);
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiter: Waiter = { resolve, reject };
    const cancel = () => {
      if (!reader.waiters.delete(waiter)) return;
      this.#forgetIdle(channel, reader);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    reader.waiters.add(waiter);
    this.wake(channel);
    try {
      return await promise;
    } catch (error) {
      if (signal !== undefined) abandon(signal, reader);
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** There may be something in a channel. */
  wake(channel: string): void {
    const reader = this.#readers.get(channel);
    if (reader === undefined) return;
    reader.again = true;
    reader.pumping ??= this.#pump(channel, reader);
  }

  /** Ends every wait; resolves when what was taken for nobody has been put back. */
  async end(reason: unknown): Promise<void> {
    const readers = [...this.#readers];
    for (const [channel, reader] of readers) {
      for (const waiter of reader.waiters) waiter.reject(reason);
      reader.waiters.clear();
      this.#forgetIdle(channel, reader);
    }
    await Promise.all(readers.map(([, reader]) => reader.pumping));
  }

  #reader(channel: string): Reader {
    let reader = this.#readers.get(channel);
    if (reader === undefined) {
      reader = { waiters: new Set(), pumping: null, round: null, again: false };
      this.#readers.set(channel, reader);
      this.#poll ??= setInterval(() => {
        for (const waited of this.#readers.keys()) this.wake(waited);
      }, QUEUE_POLL_MS);
    }
    return reader;
  }

  async #pump(channel: string, reader: Reader): Promise<void> {
    while (reader.again && reader.waiters.size > 0) {
      reader.again = false;
      reader.round = this.#look(channel, reader);
      await reader.round;
    }
    reader.pumping = reader.round = null;
    this.#forgetIdle(channel, reader);
  }

  async #look(channel: string, reader: Reader): Promise<void> {
    const wanted = reader.waiters.size;
    const taken = await this.#attempt(() => this.#store.take(channel, wanted)) ?? [];
    await this.#hand(channel, reader, taken);
    if (taken.length === wanted) reader.again = true;
  }

  async #hand(channel: string, reader: Reader, taken: readonly QueuedMessage[]): Promise<void> {
    const unclaimed: QueuedMessage[] = [];
    for (const message of taken) {
      const [waiter] = reader.waiters;
      if (waiter === undefined) {
        unclaimed.push(message);
        continue;
      }
      const decoded = this.#decode(channel, message.text);
      if (decoded === undefined) {
        // Whoever waited for it waits for the next one.
        reader.again = true;
        continue;
      }
      reader.waiters.delete(waiter);
      waiter.resolve(decoded);
    }
    if (unclaimed.length === 0) return;
    await this.#attempt(() => this.#store.putBack(channel, unclaimed));
    // Others may have looked while it was taken.
    reader.again = true;
    this.#tell(channel);
  }

  /** A message; undefined, told and counted, when it is none: the store has other writers, too. */
  #decode(channel: string, text: string): Message | undefined {
    try {
      return decodeMessage(text);
    } catch (error) {
      this.undecodable++;
      this.#warn(`A message of queue channel "${channel}" is dropped`, error);
      return undefined;
    }
  }

  #forgetIdle(channel: string, reader: Reader): void {
    if (reader.waiters.size > 0 || reader.pumping !== null) return;
    if (this.#readers.get(channel) === reader) this.#readers.delete(channel);
    if (this.#readers.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** What the store answers; undefined when it cannot, told once until it can again. */
  async #attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await run();
      this.#failing = false;
      return answer;
    } catch (error) {
      if (!this.#failing) this.#warn("Cannot read queue channels", error);
      this.#failing = true;
      return undefined;
    }
  }
}

function abandon(signal: AbortSignal, { round }: Reader): void {
  if (round === null) return;
  const rounds = abandoned.get(signal) ?? new Set();
  abandoned.set(signal, rounds.add(round));
}
