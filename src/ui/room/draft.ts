import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Message } from "../../protocol/frames.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import { excerpt } from "./excerpt.ts";

/** A message that is being answered, as it was when that began: the page may not hold it any more. */
export interface Answered {
  readonly seq: number;
  /** Who wrote it. */
  readonly name: string;
  /** Its beginning. */
  readonly text: string;
}

/** What is being written in a room, kept over a reload and a visit elsewhere. */
export class Draft {
  readonly #store: KeyValueStore;
  readonly #textKey: string;
  readonly #answersKey: string;
  readonly #text: Signal<string>;
  readonly #answers: Signal<Answered | null>;

  constructor(store: KeyValueStore, room: string) {
    this.#store = store;
    this.#textKey = `maru.draft.${room}`;
    this.#answersKey = `maru.answers.${room}`;
    this.#text = signal(store.get(this.#textKey) ?? "");
    this.#answers = signal(parseAnswered(store.get(this.#answersKey)));
  }

  /** What was written so far. */
  get text(): ReadonlySignal<string> {
    return this.#text;
  }

  /** The message that it answers, if any. */
  get answers(): ReadonlySignal<Answered | null> {
    return this.#answers;
  }

  /** Keeps what was written; an empty text is forgotten. */
  write(text: string): void {
    this.#text.value = text;
    if (text === "") this.#store.remove(this.#textKey);
    else this.#store.set(this.#textKey, text);
  }

  /** Answers a message, or none. */
  answer(message: Message | null): void {
    this.#answers.value = message &&
      { seq: message.seq, name: message.sender.name, text: excerpt(message.message) };
    if (message === null) this.#store.remove(this.#answersKey);
    else this.#store.set(this.#answersKey, JSON.stringify(this.#answers.value));
  }

  /** Begins anew. */
  clear(): void {
    batch(() => {
      this.write("");
      this.answer(null);
    });
  }
}

// Other versions of the page have written here, and people do.
function parseAnswered(json: string | null): Answered | null {
  try {
    const { seq, name, text } = JSON.parse(json ?? "null") ?? {};
    return Number.isSafeInteger(seq) && typeof name === "string" && typeof text === "string"
      ? { seq, name, text }
      : null;
  } catch {
    return null;
  }
}
