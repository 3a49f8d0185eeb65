import { isFinalClose } from "../protocol/codes.ts";
import type { ErrorFrame, Sender, ServerFrame, WelcomeFrame } from "../protocol/frames.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Emitter, type ListenOptions } from "./emitter.ts";
import { Outbox } from "./outbox.ts";
import type { OutboxEntry } from "./outbox_entry.ts";
import { randomUUID } from "./random_uuid.ts";
import type { RoomConnectionOptions, SendOptions } from "./room_connection_options.ts";
import type { ConnectionStatus, RoomEvents } from "./room_events.ts";
import { Session, type WebSocketConstructor } from "./session.ts";
import { StreamPlace } from "./stream_place.ts";
import { verdictOf } from "./verdict.ts";

/** A socket that lasted so long has shown that the server is well: the next try may be at once. */
export const STABLE_AFTER_MS = 5_000;

/**
 * One room, live, through every loss of its socket.
 *
 * It holds the position up to which its owner has been told, and resumes from there; what comes twice
 * is dropped. What is sent waits in an outbox until the room has it. It tries again for ever, at growing
 * intervals, until its owner closes it or the server says that there is no point.
 *
 * @example
 * ```ts
 * import { RoomConnection } from "./room_connection.ts";
 * const room = new RoomConnection("lobby", { baseUrl: "http://localhost:8000" });
 * room.on("message", ({ sender, message }) => console.log(`${sender.name}: ${message}`));
 * room.open();
 * room.send("Hello!");
 * ```
 */
export class RoomConnection implements Disposable {
  /** The room's name. */
  readonly room: string;
  readonly #baseUrl: string;
  readonly #WebSocket: WebSocketConstructor;
  readonly #clock: Clock;
  readonly #randomUUID: () => string;
  readonly #network: EventTarget;
  readonly #emitter = new Emitter<RoomEvents>();
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  readonly #place: StreamPlace;
  readonly #closing = new AbortController();
  #you: Sender | null = null;
  #status: ConnectionStatus = { state: "idle" };
  #session: Session | null = null;
  #welcomedAt: number | null = null;
  #verdict: ErrorFrame | null = null;
  #tried = false;
  #cancelRetry: (() => void) | null = null;

  /** Throws `TypeError` when there is no `baseUrl`. Nothing happens before `open`. */
  constructor(room: string, options: RoomConnectionOptions = {}) {
    const baseUrl = options.baseUrl ?? globalThis.location?.origin;
    if (!baseUrl) throw new TypeError(`Cannot connect to room "${room}" without a \`baseUrl\``);
    this.room = room;
    this.#baseUrl = baseUrl.replace(/\/$/, "").replace(/^http/, "ws");
    this.#place = new StreamPlace(options.position, options.epoch);
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#clock = options.clock ?? systemClock;
    this.#randomUUID = options.randomUUID ?? randomUUID;
    this.#network = options.network ?? globalThis;
    const random = options.random ? { random: options.random } : {};
    this.#backoff = new Backoff(random);
    this.#outbox = new Outbox({
      ...random,
      clock: this.#clock,
      restored: options.outbox ?? [],
      onChange: () => this.#emitter.emit("outbox", this.outbox),
      onStuck: () => this.#lose(),
    });
  }

  /** The position up to which messages and changes have been told. */
  get position(): number | undefined {
    return this.#place.position;
  }

  /** How the connection stands. */
  get status(): ConnectionStatus {
    return this.#status;
  }

  /** The messages that are not known to be in the room, in order. */
  get outbox(): readonly OutboxEntry[] {
    return this.#outbox.entries;
  }

  /** Listens until the returned function is called or `signal` is aborted. */
  on<Type extends keyof RoomEvents>(
    type: Type,
    listener: (event: RoomEvents[Type]) => void,
    options: ListenOptions = {},
  ): () => void {
    return this.#emitter.on(type, listener, options);
  }

  /** Begins. Does nothing the second time. */
  open(): void {
    if (this.#status.state !== "idle") return;
    const { signal } = this.#closing;
    this.#network.addEventListener("online", () => this.wake(), { signal });
    this.#network.addEventListener("offline", () => this.wake(), { signal });
    this.#connect();
  }

  /** Sends a message, now or as soon as that is possible, and returns its id. */
  send(message: string, options: SendOptions = {}): string {
    const id = this.#randomUUID();
    const reply = options.replyTo === undefined ? {} : { reply_to: options.replyTo };
    this.#outbox.add({ id, message, ...reply });
    return id;
  }

  /** Sends a failed message again, after those that wait. */
  resend(id: string): void {
    this.#outbox.resend(id, this.#randomUUID());
  }

  /** Takes a message back; `false` when it may be stored already. */
  discard(id: string): boolean {
    return this.#outbox.discard(id);
  }

  /** Tells that a message of one's own is in the history that the owner has loaded. */
  seen(id: string): void {
    this.#outbox.seen(id);
  }

  /** Tries again at once, or asks the open socket for a sign of life: call it when a page is shown again. */
  wake(): void {
    if (this.#status.state === "waiting") this.#connect();
    else this.#session?.check();
  }

  /** Ends it for good. What waits in the outbox stays there. */
  close(): void {
    this.#finish({ state: "closed" });
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#welcomedAt = null;
    this.#verdict = null;
    this.#setStatus({ state: "connecting" });
    const handlers = {
      frame: (frame: ServerFrame) => this.#receive(frame),
      end: (closeCode: number) => this.#ended(closeCode),
    };
    const surroundings = { clock: this.#clock, WebSocket: this.#WebSocket };
    const url = `${this.#baseUrl}/ws/chat/${encodeURIComponent(this.room)}/${this.#place.query}`;
    this.#session = new Session(url, handlers, surroundings);
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "message":
        if (!this.#place.advance(frame.position)) return;
        // Another person's message with this id is not the one that waits.
        if (frame.sender.id === this.#you?.id) this.#outbox.seen(frame.id);
        return this.#emitter.emit("message", frame);
      case "changed":
        if (this.#place.advance(frame.position)) this.#emitter.emit("changed", frame);
        return;
      case "ack":
        this.#outbox.acked(frame.id, { passed: this.#place.has(frame.position) });
        return this.#emitter.emit("ack", frame);
      case "error":
        if (frame.id === undefined) this.#verdict = frame;
        else this.#outbox.refused(frame);
        return this.#emitter.emit("error", frame);
      case "reset":
        this.#place.reset(frame);
        this.#emitter.emit("reset", frame);
        return this.#outbox.reset();
    }
  }

  #welcomed(frame: WelcomeFrame): void {
    this.#welcomedAt = this.#clock.now();
    // What the lost history had of one's own goes first, before anything else leaves.
    if (!this.#place.begin(frame)) this.#outbox.reset();
    const session = this.#session;
    this.#you = frame.you;
    this.#setStatus({ state: "open", you: frame.you, room: frame.room });
    this.#outbox.opened((message) => session?.send(message));
  }

  #ended(closeCode: number): void {
    if (isFinalClose(closeCode)) {
      const code = this.#verdict?.code ?? verdictOf(closeCode);
      this.#finish({ state: "closed", code });
      return this.#outbox.failAll(code);
    }
    this.#lose();
  }

  #lose(): void {
    if (this.#status.state === "closed") return;
    this.#session?.close();
    this.#session = null;
    this.#outbox.lost();
    const lasted = this.#welcomedAt === null ? 0 : this.#clock.now() - this.#welcomedAt;
    if (lasted >= STABLE_AFTER_MS) {
      this.#backoff.reset();
      this.#tried = false;
    }
    const asked = (this.#verdict?.retry_after ?? 0) * 1000;
    // The first try comes at once; after that a server that lets in and throws out is left in peace.
    const wait = Math.max(asked, this.#tried ? this.#backoff.next() : 0);
    this.#tried = true;
    if (wait === 0) return this.#connect();
    this.#cancelRetry = this.#clock.after(wait, () => this.#connect());
    this.#setStatus({ state: "waiting", retryAt: this.#clock.now() + wait });
  }

  #finish(status: ConnectionStatus): void {
    if (this.#status.state === "closed") return;
    this.#closing.abort();
    this.#cancelRetry?.();
    this.#session?.close();
    this.#session = null;
    this.#outbox.close();
    this.#setStatus(status);
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status;
    this.#emitter.emit("status", status);
  }
}
