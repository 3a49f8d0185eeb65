import type { HistoryPage, OutboxEntry } from "../../src/client/mod.ts";
import type { Message } from "../../src/protocol/frames.ts";

export const MINJI = { id: "minji", name: "민지" };
export const OTTER = { id: "otter", name: "Quiet Otter" };

/** A message whose position is its seq; five seconds lie between two seqs. */
export function message(seq: number, fields: Partial<Message> = {}): Message {
  return {
    position: seq,
    seq,
    version: fields.position ?? seq,
    id: `id-${seq}`,
    message: `text ${seq}`,
    sender: MINJI,
    created_at: new Date(2026, 2, 1, 12, 0, 5 * seq).toISOString(),
    ...fields,
  };
}

/** The messages from one seq to another. */
export function messages(from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, n) => message(from + n));
}

/** A page of a room that keeps everything. */
export function page(from: number, to: number, last = to): HistoryPage {
  return {
    messages: messages(from, to),
    position: last,
    epoch: "one",
    first_seq: 1,
    last_seq: last,
  };
}

export function entry(id: string, fields: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    id,
    message: `text ${id}`,
    created_at: new Date(2026, 2, 1, 12, 30).toISOString(),
    state: "pending",
    unsure: false,
    ...fields,
  };
}

/** A store that lasts as long as the test. */
export class MemoryStore {
  readonly values = new Map<string, string>();
  get(key: string): string | null {
    return this.values.get(key) ?? null;
  }
  set(key: string, value: string): void {
    this.values.set(key, value);
  }
  remove(key: string): void {
    this.values.delete(key);
  }
}
