import { CLOSE, type ErrorCode, isFinalClose } from "../protocol/codes.ts";
import type {
  AckFrame,
  ChangedEvent,
  ErrorFrame,
  MessageEvent,
  ResetFrame,
  RoomInfo,
  Sender,
  ServerFrame,
  WelcomeFrame,
} from "../protocol/frames.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Emitter, type ListenOptions } from "./emitter.ts";
import { Outbox, type OutboxEntry } from "./outbox.ts";
import { randomUUID } from "./random_uuid.ts";
import { Session, type WebSocketConstructor } from "./session.ts";

/** A socket that lasted so long has shown that the server is well: the next try may be at once. */
export const STABLE_AFTER_MS = 5_000;

/** How a connection stands. */
export type ConnectionStatus =
  | { readonly state: "idle" }
  | { readonly state: "connecting" }
  | { readonly state: "open"; readonly you: Sender; readonly room: RoomInfo }
  /** Lost; tries again at `retryAt`, in milliseconds since the Unix epoch. */
  | { readonly state: "waiting"; readonly retryAt: number }
  /** Over: by its owner (no `code`), or by a verdict that another try would not change. */
  | { readonly state: "closed"; readonly code?: ErrorCode };

/** What a {@linkcode RoomConnection} tells. */
export interface RoomEvents {
  /** A new message; each once, in the order of the room. */
  readonly message: MessageEvent;
  /** A message was edited, deleted or reacted to. */
  readonly changed: ChangedEvent;
  /** A message of this client is stored. */
  readonly ack: AckFrame;
  /** Something was refused. */
  readonly error: ErrorFrame;
  /** What is shown may be wrong: load the history anew. The stream goes on from its new position. */
  readonly reset: ResetFrame;
  /** The connection stands differently. */
  readonly status: ConnectionStatus;
  /** The messages on their way have changed. */
  readonly outbox: readonly OutboxEntry[];
}

/** Options of {@linkcode RoomConnection}. */
export interface RoomConnectionOptions {
  /**
   * Where the server is, such as `https://chat.example.org`.
   * @default {location.origin}
   */
  readonly baseUrl?: string;
  /** The position of the history page that is shown; without it the stream begins now. */
  readonly position?: number;
  /** The epoch of that page. */
  readonly epoch?: string;
  /** Messages of an earlier life that were not known to be stored, in order. */
  readonly outbox?: readonly OutboxEntry[];
  /** Makes the sockets, in place of the global `WebSocket`. */
  readonly WebSocket?: WebSocketConstructor;
  /** The clock of the waits. */
  readonly clock?: Clock;
  /** The jitter of the waits. */
  readonly random?: () => number;
  /** Makes the ids of messages. */
  readonly randomUUID?: () => string;
  /**
   * Where `online` and `offline` are told.
   * @default {globalThis}
   */
  readonly network?: EventTarget;
}

/** Options of {@linkcode RoomConnection.send}. */
export interface SendOptions {
  /** The seq of the message that this one answers. */
  readonly replyTo?: number;
}

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
  readonly #closing = new AbortController();
  #position: number | undefined;
  #epoch: string | undefined;
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
    // A position without its epoch says nothing: the stream would begin in another place.
    if (options.epoch !== undefined) this.#position = options.position;
    if (options.position !== undefined) this.#epoch = options.epoch;
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
    return this.#position;
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
    this.#session = new Session(this.#url(), handlers, surroundings);
  }

  #url(): string {
    const url = `${this.#baseUrl}/ws/chat/${encodeURIComponent(this.room)}/`;
    if (this.#position === undefined || this.#epoch === undefined) return url;
    const place = new URLSearchParams({ after: String(this.#position), epoch: this.#epoch });
    return `${url}?${place}`;
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "message":
        if (!this.#advance(frame.position)) return;
        // Another person's message with this id is not the one that waits.
        if (frame.sender.id === this.#you?.id) this.#outbox.seen(frame.id);
        return this.#emitter.emit("message", frame);
      case "changed":
        if (this.#advance(frame.position)) this.#emitter.emit("changed", frame);
        return;
      case "ack":
        this.#outbox.acked(frame, this.#position ?? 0);
        return this.#emitter.emit("ack", frame);
      case "error":
        if (frame.id === undefined) this.#verdict = frame;
        else this.#outbox.refused(frame);
        return this.#emitter.emit("error", frame);
      case "reset":
        this.#position = frame.position;
        this.#epoch = frame.epoch;
        this.#emitter.emit("reset", frame);
        return this.#outbox.reset();
    }
  }

  #welcomed(frame: WelcomeFrame): void {
    this.#welcomedAt = this.#clock.now();
    // With a position of its own it goes on from there; if that cannot be, `reset` follows.
    this.#position ??= frame.position;
    this.#epoch ??= frame.epoch;
    const session = this.#session;
    this.#you = frame.you;
    this.#setStatus({ state: "open", you: frame.you, room: frame.room });
    this.#outbox.opened((message) => session?.send(message));
  }

  /** Whether this position is new; one that came before is the same entry again. */
  #advance(position: number): boolean {
    if (this.#position !== undefined && position <= this.#position) return false;
    this.#position = position;
    return true;
  }

  #ended(closeCode: number): void {
    if (isFinalClose(closeCode)) {
      const code = this.#verdict?.code ?? errorCodeOf(closeCode);
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

const VERDICTS: Record<number, ErrorCode> = {
  [CLOSE.BAD_FRAME]: "bad_frame",
  [CLOSE.NOT_SIGNED_IN]: "not_signed_in",
  [CLOSE.NOT_ALLOWED]: "not_allowed",
  [CLOSE.NO_SUCH_ROOM]: "no_such_room",
  [CLOSE.FRAME_TOO_LARGE]: "frame_too_large",
  // What a WebSocket library itself says of a frame above its limit.
  1009: "frame_too_large",
};

function errorCodeOf(closeCode: number): ErrorCode {
  return VERDICTS[closeCode] ?? "not_allowed";
}
