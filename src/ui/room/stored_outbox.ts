import type { OutboxEntry } from "../../client/mod.ts";
import type { KeyValueStore } from "../key_value_store.ts";

/**
 * Keeps the messages on their way over a reload of the page, by room and by person: sent under
 * another identity, the same id would be refused.
 */
export class StoredOutbox {
  readonly #store: KeyValueStore;
  readonly #key: string;

  constructor(store: KeyValueStore, room: string, personId: string) {
    this.#store = store;
    this.#key = `maru.outbox.${personId}.${room}`;
  }

  /** What was on its way when the page went, in order. */
  load(): readonly OutboxEntry[] {
    try {
      const entries: unknown = JSON.parse(this.#store.get(this.#key) ?? "[]");
      return Array.isArray(entries) ? entries.filter(isEntry) : [];
    } catch {
      return [];
    }
  }

  /** Keeps what is not known to be stored by the server. */
  save(entries: readonly OutboxEntry[]): void {
    const unsent = entries.filter(({ state }) => state !== "sent");
    if (unsent.length === 0) this.#store.remove(this.#key);
    else this.#store.set(this.#key, JSON.stringify(unsent));
  }
}

// Other versions of the page have written here, and people do.
function isEntry(value: unknown): value is OutboxEntry {
  const entry = value as Partial<OutboxEntry> | null;
  return typeof entry?.id === "string" && typeof entry.message === "string" &&
    typeof entry.unsure === "boolean" &&
    (entry.reply_to === undefined || typeof entry.reply_to === "number") &&
    !Number.isNaN(Date.parse(entry.created_at ?? "")) &&
    (entry.state === "pending" || entry.state === "failed");
}
