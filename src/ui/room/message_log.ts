import { type ReadonlySignal, signal } from "@preact/signals";
import type { HistoryPage } from "../../client/mod.ts";
import type { Message } from "../../protocol/frames.ts";

/**
 * The messages of a room that the page holds: an unbroken run up to the newest, in the order of seq.
 *
 * Copies of one message meet here by several ways, and of two the higher version wins. While the
 * history is loaded anew after a reset, what comes live is held back, since there may be a gap below it.
 */
export class MessageLog {
  readonly #messages = signal<readonly Message[]>([]);
  readonly #hasOlder = signal(false);
  /** Changes of messages that are not held: a page of history that is on its way may not know them. */
  readonly #ahead = new Map<number, Message>();
  #held: Message[] | null = [];

  /** The messages, oldest first. */
  get messages(): ReadonlySignal<readonly Message[]> {
    return this.#messages;
  }

  /** Whether the room keeps messages from before these. */
  get hasOlder(): ReadonlySignal<boolean> {
    return this.#hasOlder;
  }

  /** The seq before which to load more. */
  get oldestSeq(): number | undefined {
    return this.#messages.value[0]?.seq;
  }

  /** Whether the newest messages are still to come with a page of history. */
  get loading(): boolean {
    return this.#held !== null;
  }

  /** What is shown may be wrong: until `load`, it stays as it is. */
  beginReload(): void {
    this.#held = [];
    this.#ahead.clear();
  }

  /** Shows the newest page, and what came live since it was asked for. */
  load(page: HistoryPage): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#messages.value = page.messages.map((message) => this.#newest(message));
    this.#hasOlder.value = hasOlder(page);
    for (const message of held) this.add(message);
  }

  /** Adds the page before. */
  prepend(page: HistoryPage): void {
    const oldest = this.oldestSeq ?? Infinity;
    const older = page.messages.filter(({ seq }) => seq < oldest)
      .map((message) => this.#newest(message));
    this.#messages.value = [...older, ...this.#messages.value];
    this.#hasOlder.value = older.length > 0 && hasOlder(page);
  }

  /** Adds a message that came live, or puts the newer copy in its place. */
  add(message: Message): void {
    if (this.#held) return void this.#held.push(message);
    const messages = this.#messages.value;
    const newest = messages.at(-1);
    if (!newest || message.seq > newest.seq) {
      this.#messages.value = [...messages, message];
    } else if (message.seq < messages[0]!.seq) {
      const known = this.#ahead.get(message.seq);
      if (!known || known.version < message.version) this.#ahead.set(message.seq, message);
    } else {
      this.#messages.value = messages.map((other) =>
        other.seq === message.seq && other.version < message.version ? message : other
      );
    }
  }

  /** Above `limit` messages, lets the oldest go down to `keep`; they can be loaded again. */
  trim(limit: number, keep: number): void {
    if (this.#messages.value.length <= limit) return;
    this.#messages.value = this.#messages.value.slice(-keep);
    this.#hasOlder.value = true;
  }

  #newest(message: Message): Message {
    const ahead = this.#ahead.get(message.seq);
    this.#ahead.delete(message.seq);
    return ahead && ahead.version > message.version ? ahead : message;
  }
}

function hasOlder(page: HistoryPage): boolean {
  const oldest = page.messages[0]?.seq;
  return oldest !== undefined && oldest > page.first_seq;
}
