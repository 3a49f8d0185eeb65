import { batch, type ReadonlySignal, signal } from "@preact/signals";
import {
  type Api,
  Backoff,
  type Clock,
  type ConnectionStatus,
  type HistoryPage,
  type OutboxEntry,
  RoomConnection,
  type RoomConnectionOptions,
  type SendOptions,
  systemClock,
} from "../../client/mod.ts";
import type { ErrorCode } from "../../protocol/codes.ts";
import type { Sender } from "../../protocol/frames.ts";
import { messageTextError } from "../../protocol/text.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import type { Trouble } from "../language/texts.ts";
import { mayPass, troubleOf } from "../trouble.ts";
import { MessageLog } from "./message_log.ts";
import { Reading } from "./reading.ts";
import { StoredOutbox } from "./stored_outbox.ts";

/** Messages of one page of history. */
export const PAGE_SIZE = 50;

/** A page that stays open for days does not grow without end: at the end of the talk it keeps so many. */
export const KEEP_AT_END = 500;

/** What a {@linkcode ChatRoom} needs. */
export interface ChatRoomOptions {
  readonly api: Api;
  /** Where messages on their way survive a reload. */
  readonly store: KeyValueStore;
  /** Passed to the connection. */
  readonly connection?: Omit<RoomConnectionOptions, "position" | "epoch" | "outbox">;
  /** The clock of the waits. */
  readonly clock?: Clock;
}

/**
 * A room as its page shows it: who one is, the history, what arrives, and what is on its way.
 *
 * It first asks who one is, since a guest gets the cookie with that answer, then for the newest page of
 * history, and then opens the connection at the position of that page. Whatever fails on the way is
 * tried again until it works or cannot.
 */
export class ChatRoom implements Disposable {
  readonly name: string;
  readonly log: MessageLog = new MessageLog();
  readonly reading: Reading = new Reading();
  readonly #api: Api;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #connectionOptions: Omit<RoomConnectionOptions, "position" | "epoch" | "outbox">;
  readonly #closing = new AbortController();
  readonly #you = signal<Sender | null>(null);
  readonly #outbox = signal<readonly OutboxEntry[]>([]);
  readonly #status = signal<ConnectionStatus>({ state: "idle" });
  readonly #trouble = signal<Trouble | null>(null);
  readonly #refused = signal<Trouble | null>(null);
  readonly #older = signal<"idle" | "loading" | Trouble>("idle");
  #wasLive = false;
  #connection: RoomConnection | null = null;
  #loading: AbortController | null = null;
  #wakeLoading: (() => void) | null = null;

  constructor(name: string, options: ChatRoomOptions) {
    this.name = name;
    this.#api = options.api;
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#connectionOptions = options.connection ?? {};
  }

  /** Who one is, once that is known. */
  get you(): ReadonlySignal<Sender | null> {
    return this.#you;
  }

  /** Messages on their way, and those that failed. */
  get outbox(): ReadonlySignal<readonly OutboxEntry[]> {
    return this.#outbox;
  }

  /** How the connection stands; `idle` until the history is there. */
  get status(): ReadonlySignal<ConnectionStatus> {
    return this.#status;
  }

  /** Whether there has ever been a connection. */
  get wasLive(): boolean {
    return this.#wasLive;
  }

  /** Why the history is not there yet; it is tried again. */
  get trouble(): ReadonlySignal<Trouble | null> {
    return this.#trouble;
  }

  /** Why the room cannot be shown at all. */
  get refused(): ReadonlySignal<Trouble | null> {
    return this.#refused;
  }

  /** How loading the page before stands. */
  get older(): ReadonlySignal<"idle" | "loading" | Trouble> {
    return this.#older;
  }

  /** Begins. */
  async open(): Promise<void> {
    const page = await this.#loadNewest();
    const you = this.#you.peek();
    if (!page || !you) return;
    const stored = new StoredOutbox(this.#store, this.name, you.id);
    const connection = new RoomConnection(this.name, {
      ...this.#connectionOptions,
      clock: this.#clock,
      position: page.position,
      epoch: page.epoch,
      outbox: stored.load(),
    });
    this.#connection = connection;
    connection.on("outbox", (entries) => {
      this.#showOutbox(entries);
      stored.save(entries);
    });
    connection.on("message", (message) => {
      batch(() => {
        this.log.add(message);
        this.reading.arrived(message.sender.id === this.#you.peek()?.id);
        if (this.reading.atEnd.peek()) this.log.trim(2 * KEEP_AT_END, KEEP_AT_END);
      });
    });
    connection.on("changed", (message) => this.log.add(message));
    connection.on("reset", () => void this.#reload());
    connection.on("status", (status) => {
      batch(() => {
        this.#status.value = status;
        if (status.state === "open") {
          this.#you.value = status.you;
          this.#wasLive = true;
        }
        if (status.state === "closed" && status.code) this.#refused.value = status.code;
      });
    });
    this.#show(page);
    connection.open();
  }

  /** Loads the page before what is shown. */
  async loadOlder(): Promise<void> {
    const beforeSeq = this.log.oldestSeq;
    if (this.#older.value === "loading" || !this.log.hasOlder.value || beforeSeq === undefined) {
      return;
    }
    this.#older.value = "loading";
    try {
      const { signal } = this.#closing;
      const page = await this.#api.history(this.name, { beforeSeq, limit: PAGE_SIZE, signal });
      batch(() => {
        // A reset may have put another history in place meanwhile.
        if (this.log.oldestSeq === beforeSeq) this.log.prepend(page);
        this.#older.value = "idle";
      });
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#older.value = troubleOf(error);
    }
  }

  /** Sends a message, or says why it cannot be one. */
  send(text: string, options: SendOptions = {}): ErrorCode | null {
    const message = text.replace(/^(?:[^\S\n]*\n)+|\s+$/gu, "");
    const error = messageTextError(message);
    if (!error) this.#connection?.send(message, options);
    return error;
  }

  /** Whether messages can be written. */
  get ready(): boolean {
    return this.#status.value.state !== "idle" && this.#refused.value === null;
  }

  /** Sends a failed message again. */
  resend(id: string): void {
    this.#connection?.resend(id);
  }

  /** Takes a message back that was not sent. */
  discard(id: string): void {
    this.#connection?.discard(id);
  }

  /** Takes another name. Throws what {@linkcode Api.renameMe} throws. */
  async rename(name: string): Promise<void> {
    const { id, name: taken } = await this.#api.renameMe(name, { signal: this.#closing.signal });
    this.#you.value = { id, name: taken };
  }

  /** Tries whatever waits at once: the page is shown again, or the network is back. */
  wake(): void {
    this.#wakeLoading?.();
    this.#connection?.wake();
  }

  /** Ends it; what is on its way stays stored. */
  close(): void {
    this.#closing.abort();
    this.#loading?.abort();
    this.#connection?.close();
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #reload(): Promise<void> {
    this.log.beginReload();
    const page = await this.#loadNewest();
    if (page) this.#show(page);
  }

  #show(page: HistoryPage): void {
    batch(() => {
      this.log.load(page);
      for (const { id, sender } of page.messages) {
        if (sender.id === this.#you.peek()?.id) this.#connection?.seen(id);
      }
      this.#showOutbox(this.#connection?.outbox ?? []);
    });
  }

  // What leaves the outbox while the history is loaded anew is in the room, but not yet in what is
  // shown of it. Only what cannot be stored is ever discarded.
  #showOutbox(entries: readonly OutboxEntry[]): void {
    const waiting = new Set(entries.map(({ id }) => id));
    const arrived = this.#outbox.peek()
      .filter(({ id, state, unsure }) => !waiting.has(id) && (state === "sent" || unsure))
      .map(({ code: _, ...entry }) => ({ ...entry, state: "sent", unsure: false } as const));
    this.#outbox.value = this.log.loading ? [...arrived, ...entries] : entries;
  }

  /** The newest page; `null` when that was given up, for good or because it began anew. */
  async #loadNewest(): Promise<HistoryPage | null> {
    this.#loading?.abort();
    const loading = this.#loading = new AbortController();
    const { signal } = loading;
    const backoff = new Backoff();
    for (;;) {
      try {
        this.#you.value ??= await this.#api.me({ signal });
        const page = await this.#newestPage(signal);
        if (signal.aborted) return null;
        this.#trouble.value = null;
        return page;
      } catch (error) {
        if (signal.aborted) return null;
        if (!mayPass(error)) {
          this.#refused.value = troubleOf(error);
          return null;
        }
        this.#trouble.value = troubleOf(error);
      }
      await this.#pause(backoff.next(), signal);
      if (signal.aborted) return null;
    }
  }

  async #newestPage(signal: AbortSignal): Promise<HistoryPage> {
    try {
      return await this.#api.history(this.name, { limit: PAGE_SIZE, signal });
    } catch (error) {
      if (troubleOf(error) !== "no_such_room") throw error;
      // Whoever follows a link to a room that is not there yet opens it, where that is allowed.
      await this.#api.createRoom(this.name, { signal });
      return await this.#api.history(this.name, { limit: PAGE_SIZE, signal });
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stop();
        signal.removeEventListener("abort", done);
        this.#wakeLoading = null;
        resolve();
      };
      const stop = this.#clock.after(ms, done);
      signal.addEventListener("abort", done);
      this.#wakeLoading = done;
    });
  }
}
