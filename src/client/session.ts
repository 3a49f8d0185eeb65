import { PING_INTERVAL_MS, SUBPROTOCOL } from "../protocol/codes.ts";
import type { ClientFrame, ServerFrame } from "../protocol/frames.ts";
import type { Clock } from "./clock.ts";

/** A socket that has not opened by then is given up. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** After a ping, something has to be heard within so many milliseconds. */
export const PONG_TIMEOUT_MS = 10_000;

/** The same where somebody waits: the page is shown again, or the network has changed. */
export const CHECK_TIMEOUT_MS = 4_000;

/** Makes a WebSocket: the global class, or a test's. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocket;

/** What a session tells its owner. */
export interface SessionHandlers<Incoming = ServerFrame> {
  /** A frame came. */
  frame(frame: Incoming): void;
  /** It is over; called once, and nothing is called afterwards. */
  end(closeCode: number): void;
}

/** The surroundings of a session. */
export interface SessionOptions {
  /** The clock of the time-outs. */
  readonly clock: Clock;
  /** Makes the socket. */
  readonly WebSocket: WebSocketConstructor;
}

/** The close code of a socket that vanished without a word. */
const VANISHED = 1006;

/**
 * One WebSocket from its opening to its end. It pings, and takes silence for an end: a peer that is
 * gone without a word leaves a socket half open for many minutes. An ended session is thrown away.
 */
export class Session<Incoming = ServerFrame, Outgoing = ClientFrame> {
  readonly #handlers: SessionHandlers<Incoming>;
  readonly #clock: Clock;
  readonly #socket: WebSocket;
  #ended = false;
  #deadline = 0;
  #cancelPing: (() => void) | null = null;
  #cancelDeadline: (() => void) | null = null;

  constructor(url: string, handlers: SessionHandlers<Incoming>, options: SessionOptions) {
    this.#handlers = handlers;
    this.#clock = options.clock;
    this.#socket = new options.WebSocket(url, SUBPROTOCOL);
    this.#expectSomething(CONNECT_TIMEOUT_MS);
    this.#socket.addEventListener("open", () => {
      this.#heard();
      this.#pingLater();
    });
    this.#socket.addEventListener("message", (event) => this.#receive(event.data));
    this.#socket.addEventListener("close", (event) => this.#end(event.code));
  }

  /** Sends a frame; one that cannot leave is lost with the session. */
  send(frame: Outgoing | { readonly type: "ping" }): void {
    if (this.#ended || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify(frame));
  }

  /** Asks for a sign of life now: the machine slept, or changed its network. */
  check(withinMs: number = CHECK_TIMEOUT_MS): void {
    if (this.#ended || this.#socket.readyState !== this.#socket.OPEN) return;
    this.send({ type: "ping" });
    this.#expectSomething(withinMs);
  }

  /** Ends it without a call of `end`. */
  close(): void {
    this.#ended = true;
    this.#stopTimers();
    this.#socket.close();
  }

  #receive(data: unknown): void {
    if (this.#ended || typeof data !== "string") return;
    this.#heard();
    for (const line of data.split("\n")) {
      if (this.#ended) return;
      const frame = parse<Incoming>(line);
      if (frame) this.#handlers.frame(frame);
    }
  }

  #heard(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = null;
  }

  // Also while the server talks all the time: it, too, needs to hear that its peer lives.
  #pingLater(): void {
    if (this.#ended) return;
    this.#cancelPing = this.#clock.after(PING_INTERVAL_MS, () => {
      this.check(PONG_TIMEOUT_MS);
      this.#pingLater();
    });
  }

  #expectSomething(withinMs: number): void {
    const deadline = this.#clock.now() + withinMs;
    // Never later than one that runs already: asking often must not prolong a silence.
    if (this.#cancelDeadline && this.#deadline <= deadline) return;
    this.#cancelDeadline?.();
    this.#deadline = deadline;
    this.#cancelDeadline = this.#clock.after(withinMs, () => this.#end(VANISHED));
  }

  #end(closeCode: number): void {
    if (this.#ended) return;
    // A browser may take minutes to report the close of a dead socket: it is not waited for.
    this.close();
    this.#handlers.end(closeCode);
  }

  #stopTimers(): void {
    this.#cancelPing?.();
    this.#cancelDeadline?.();
    this.#cancelPing = this.#cancelDeadline = null;
  }
}

function parse<Incoming>(line: string): Incoming | null {
  if (line === "") return null;
  try {
    const frame = JSON.parse(line);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
