import type { ErrorFrame } from "../protocol/frames.ts";
import type { ErrorCode } from "../protocol/codes.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { OutboxEntry } from "./outbox_entry.ts";

/** Messages that may be under way at once. */
export const IN_FLIGHT_MAX = 32;

/** The server answers within 10 s by its own rules; after this the socket is given up. */
export const ANSWER_TIMEOUT_MS = 20_000;

/** A message that the server failed to handle so many times is given to its writer to decide. */
export const INTERNAL_ERRORS_MAX = 5;

/** The frame in which a message travels. */
export interface OutgoingMessage {
  /** Always `message`. */
  readonly type: "message";
  /** The entry's id. */
  readonly id: string;
  /** The text. */
  readonly message: string;
  /** The seq of the message that this one answers. */
  readonly reply_to?: number;
}

/** What an outbox needs. */
export interface OutboxOptions {
  /** Entries of an earlier life of the page, in order. */
  readonly restored?: readonly OutboxEntry[];
  /** Called after every change of the entries. */
  readonly onChange?: () => void;
  /** Called when only a fresh socket can get the queue moving again. */
  readonly onStuck?: () => void;
  /** The clock of the waits. */
  readonly clock?: Clock;
  /** The jitter of the waits. */
  readonly random?: () => number;
}

/**
 * The messages of one room that are not known to be stored, in the order in which they were written.
 *
 * A message leaves when all before it have left, and every frame that has left gets one answer: an
 * acknowledgement or an error. After an error that allows another try, the server refuses all later
 * messages too; so nothing more leaves until every frame under way is answered, and then the queue goes
 * again from the refused one on. After a loss of the socket, all of it goes again, under the same ids.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #onChange: () => void;
  readonly #onStuck: () => void;
  #entries: readonly OutboxEntry[];
  #transmit: ((frame: OutgoingMessage) => void) | null = null;
  /** Sent on this socket and not answered; `true` where an earlier sending was not answered either. */
  readonly #inFlight = new Map<string, boolean>();
  readonly #internalErrors = new Map<string, number>();
  #refused = false;
  #retryAt = 0;
  #cancelRetry: (() => void) | null = null;
  #cancelTimeout: (() => void) | null = null;

  constructor(options: OutboxOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff({
      initialMs: 400,
      maxMs: 8_000,
      ...(options.random ? { random: options.random } : {}),
    });
    this.#onChange = options.onChange ?? (() => {});
    this.#onStuck = options.onStuck ?? (() => {});
    this.#entries = options.restored ?? [];
  }

  /** Everything that is not known to be in the room, in order. A new array after every change. */
  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  /** Takes a message in; it leaves as soon as it may. */
  add(entry: Pick<OutboxEntry, "id" | "message" | "reply_to">): OutboxEntry {
    const created_at = new Date(this.#clock.now()).toISOString();
    const added: OutboxEntry = { ...entry, created_at, state: "pending", unsure: false };
    this.#change([...this.#entries, added]);
    this.#pump();
    return added;
  }

  /** Sends a failed message again, after everything that waits. */
  resend(id: string, freshId: string): void {
    const failed = this.#entries.find((entry) => entry.id === id && entry.state === "failed");
    if (!failed) return;
    const { code, ...rest } = failed;
    this.#internalErrors.delete(id);
    // An id that belongs to another message would be refused for ever.
    const again = { ...rest, id: code === "id_conflict" ? freshId : id, state: "pending" as const };
    this.#change([...this.#entries.filter((entry) => entry !== failed), again]);
    this.#pump();
  }

  /** Takes a message back; `false` when it may be stored already, or is. */
  discard(id: string): boolean {
    const entry = this.#entries.find((entry) => entry.id === id);
    if (!entry || entry.state === "sent" || entry.unsure) return false;
    this.#change(this.#entries.filter((other) => other !== entry));
    return true;
  }

  /** The message with this id has been seen in the room. */
  seen(id: string): void {
    if (!this.#entries.some((entry) => entry.id === id)) return;
    this.#change(this.#entries.filter((entry) => entry.id !== id));
  }

  /** A socket is ready. */
  opened(transmit: (frame: OutgoingMessage) => void): void {
    this.lost();
    this.#transmit = transmit;
    this.#pump();
  }

  /** The socket is gone; what was under way goes again on the next one. */
  lost(): void {
    this.#transmit = null;
    this.#inFlight.clear();
    this.#refused = false;
    this.#watchAnswers();
  }

  /** The history that acknowledgements spoke of may be gone: asks again for what was not yet seen. */
  reset(): void {
    if (!this.#entries.some((entry) => entry.state === "sent")) return;
    this.#change(
      this.#entries.map((entry) =>
        entry.state === "sent" ? { ...entry, state: "pending", unsure: true } : entry
      ),
    );
    this.#pump();
  }

  /** The room is closed for good: whatever waits has failed. */
  failAll(code: ErrorCode): void {
    if (!this.#entries.some((entry) => entry.state === "pending")) return;
    this.#change(
      this.#entries.map((entry) =>
        entry.state === "pending" ? { ...entry, state: "failed", code, unsure: false } : entry
      ),
    );
  }

  /** A message is stored; nothing will come for it where the stream has `passed` its position. */
  acked(id: string, { passed }: { readonly passed: boolean }): void {
    this.#answered(id);
    this.#backoff.reset();
    if (passed) this.seen(id);
    else this.#update(id, ({ code: _, ...entry }) => ({ ...entry, state: "sent", unsure: false }));
    this.#pump();
  }

  /** A message was refused, for now or for good. */
  refused(frame: ErrorFrame): void {
    const { id, code } = frame;
    const doubtful = id === undefined ? undefined : this.#inFlight.get(id);
    if (id === undefined || doubtful === undefined) return;
    const first = this.#entries.find((entry) => entry.state === "pending");
    this.#answered(id);
    if (code === "out_of_order" && first?.id === id && !this.#refused) {
      // The server waits for a message that was discarded or given up here.
      this.#update(id, (entry) => ({ ...entry, code, unsure: doubtful }));
      return this.#onStuck();
    }
    const failures = (this.#internalErrors.get(id) ?? 0) + (code === "internal" ? 1 : 0);
    this.#internalErrors.set(id, failures);
    const state = frame.retry && failures < INTERNAL_ERRORS_MAX ? "pending" : "failed";
    // What an earlier sending came to is not known from the refusal of a later one.
    const unsure = state === "pending" && (doubtful || code === "unknown");
    this.#update(id, (entry) => ({ ...entry, state, code, unsure }));
    if (frame.retry && !this.#refused) {
      this.#refused = true;
      const wait = Math.max((frame.retry_after ?? 0) * 1000, this.#backoff.next());
      this.#retryAt = this.#clock.now() + wait;
    }
    this.#pump();
  }

  /** Stops every timer. */
  close(): void {
    this.lost();
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  #pump(): void {
    if (this.#refused && this.#inFlight.size > 0) return;
    this.#refused = false;
    if (!this.#transmit || this.#cancelRetry) return;
    const wait = this.#retryAt - this.#clock.now();
    if (wait > 0) {
      this.#cancelRetry = this.#clock.after(wait, () => {
        this.#cancelRetry = null;
        this.#pump();
      });
      return;
    }
    const waiting = this.#entries.filter((entry) =>
      entry.state === "pending" && !this.#inFlight.has(entry.id)
    ).slice(0, IN_FLIGHT_MAX - this.#inFlight.size);
    if (waiting.length === 0) return;
    // Before anybody is told of the change: they may add a message, and that must leave after these.
    for (const { id, message, reply_to, unsure } of waiting) {
      this.#inFlight.set(id, unsure);
      const reply = reply_to === undefined ? {} : { reply_to };
      this.#transmit({ type: "message", id, message, ...reply });
    }
    this.#change(
      this.#entries.map((entry) => waiting.includes(entry) ? { ...entry, unsure: true } : entry),
    );
    this.#watchAnswers();
  }

  #answered(id: string): void {
    this.#inFlight.delete(id);
    this.#watchAnswers();
  }

  #watchAnswers(): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = this.#inFlight.size === 0
      ? null
      : this.#clock.after(ANSWER_TIMEOUT_MS, () => this.#onStuck());
  }

  #update(id: string, update: (entry: OutboxEntry) => OutboxEntry): void {
    if (!this.#entries.some((entry) => entry.id === id)) return;
    this.#change(this.#entries.map((entry) => entry.id === id ? update(entry) : entry));
  }

  #change(entries: readonly OutboxEntry[]): void {
    this.#entries = entries;
    this.#onChange();
  }
}
