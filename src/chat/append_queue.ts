import { Buffer } from "node:buffer";
import type { Append } from "./append.ts";

/** The queue of one writer holds at most this many messages … */
export const QUEUE_MAX_MESSAGES = 10_000;
/** … and about this many bytes of text. */
export const QUEUE_MAX_BYTES = 16 * 1024 * 1024;

/** A message in the queue. */
export interface QueuedAppend {
  readonly append: Append;
  /** About what it takes in memory and on the wire. */
  readonly bytes: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
}

// Ids, names, times and JSON around a text.
const OVERHEAD_BYTES = 300;
const COMPACT_AFTER = 1_024;

/** First in, first out, bounded in messages and bytes, with a way back to the front. */
export class AppendQueue {
  #items: QueuedAppend[] = [];
  #head = 0;
  #bytes = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Returns false when it is full. */
  push(append: Append, deadline: number): boolean {
    const bytes = Buffer.byteLength(append.text) + OVERHEAD_BYTES;
    if (this.size >= QUEUE_MAX_MESSAGES || this.#bytes + bytes > QUEUE_MAX_BYTES) return false;
    this.#items.push({ append, bytes, deadline });
    this.#bytes += bytes;
    return true;
  }

  peek(): QueuedAppend | undefined {
    return this.#items[this.#head];
  }

  shift(): void {
    const item = this.#items[this.#head];
    if (item === undefined) return;
    this.#bytes -= item.bytes;
    this.#head++;
    // Array.shift would move the whole queue for every message.
    if (this.#head === this.#items.length || this.#head >= COMPACT_AFTER) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Puts items that were taken before back to the front, in their order, above the limit if need be. */
  unshift(items: readonly QueuedAppend[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
    for (const item of items) this.#bytes += item.bytes;
  }
}
