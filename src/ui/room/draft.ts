import type { KeyValueStore } from "../key_value_store.ts";

/** The message that is being written in a room, kept over a reload and a visit elsewhere. */
export class Draft {
  readonly #store: KeyValueStore;
  readonly #key: string;

  constructor(store: KeyValueStore, room: string) {
    this.#store = store;
    this.#key = `maru.draft.${room}`;
  }

  /** What was written so far. */
  load(): string {
    return this.#store.get(this.#key) ?? "";
  }

  /** Keeps it; an empty one is forgotten. */
  save(text: string): void {
    if (text === "") this.#store.remove(this.#key);
    else this.#store.set(this.#key, text);
  }
}
