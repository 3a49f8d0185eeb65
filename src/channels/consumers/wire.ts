import type { Buffer } from "node:buffer";

/** One open WebSocket, whatever runtime made it. */
export interface Wire {
  /** The runtime's own. */
  readonly raw: unknown;
  /** Tells what comes; `closed` once. */
  listen(events: WireEvents): void;
  /** What the peer has not taken yet, in bytes. */
  readonly unsent: number;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  /** Cuts the connection, as far as it can. */
  terminate(): void;
  /** Asks the peer for a sign of life; the standard has none, and Deno does so by itself. */
  ping?(): void;
  /** Stops reading, as far as it can: what comes waits in the kernel. */
  pause(): void;
  resume(): void;
}

/** What a {@linkcode Wire} tells. */
export interface WireEvents {
  message(data: string | Uint8Array): void;
  /** The peer gave the sign that it was asked for. */
  pong(): void;
  closed(code: number): void;
}

/** Options of {@linkcode wireOf}. */
export interface WireOptions {
  /**
   * Takes off what the adapter hangs on a socket of the package `ws` in the rest of this turn: what
   * its closures keep lives as long as the socket. @default false
   */
  readonly alone?: boolean;
}

/** The wire over a socket of the package `ws`, or of the web's standard. */
export function wireOf(raw: unknown, options: WireOptions = {}): Wire {
  return typeof (raw as WsSocket).pause === "function"
    ? new WsWire(raw as WsSocket, options)
    : new StandardWire(raw as WebSocket);
}

/** What is needed of a socket of the package `ws`. */
interface WsSocket {
  on(event: string, listener: WsListener): void;
  off(event: string, listener: WsListener): void;
  listeners(event: string): WsListener[];
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
  ping(): void;
  pause(): void;
  resume(): void;
  readonly readyState: number;
  /** What hears of it: so the same listeners serve all sockets. */
  [EVENTS]?: WireEvents;
}

// deno-lint-ignore no-explicit-any -- each event has arguments of its own
type WsListener = (this: WsSocket, ...args: any[]) => void;

const EVENTS = Symbol("events");

const WS_LISTENERS: Readonly<Record<string, WsListener>> = {
  message(data: Buffer, isBinary: boolean) {
    this[EVENTS]!.message(isBinary ? data : data.toString());
  },
  pong() {
    this[EVENTS]!.pong();
  },
  close(code: number) {
    this[EVENTS]!.closed(code);
  },
  // It closes by itself; without a listener the process would end.
  error() {},
};

class WsWire implements Wire {
  readonly raw: WsSocket;
  readonly #alone: boolean;

  constructor(raw: WsSocket, { alone = false }: WireOptions) {
    this.raw = raw;
    this.#alone = alone;
  }

  get unsent(): number {
    return this.raw.bufferedAmount;
  }

  listen(events: WireEvents): void {
    this.raw[EVENTS] = events;
    for (const event in WS_LISTENERS) this.raw.on(event, WS_LISTENERS[event]!);
    if (this.#alone) this.#offLaterListeners();
  }

  /** Before anybody who waits for the socket to open goes on: what they listen to, stays. */
  #offLaterListeners(): void {
    const { raw } = this;
    const listeners = (event: string) => raw.listeners(event);
    const known = new Set(Object.keys(WS_LISTENERS).flatMap(listeners));
    queueMicrotask(() => {
      for (const event in WS_LISTENERS) {
        for (const listener of listeners(event)) {
          if (!known.has(listener)) raw.off(event, listener);
        }
      }
    });
  }

  send(data: string | Uint8Array): void {
    if (this.raw.readyState === OPEN) this.raw.send(data);
  }

  close(code: number, reason: string): void {
    this.raw.close(code, reason);
  }

  terminate(): void {
    this.raw.terminate();
  }

  ping(): void {
    if (this.raw.readyState === OPEN) this.raw.ping();
  }

  pause(): void {
    this.raw.pause();
  }

  resume(): void {
    this.raw.resume();
  }
}

class StandardWire implements Wire {
  readonly raw: WebSocket;

  constructor(raw: WebSocket) {
    this.raw = raw;
    raw.binaryType = "arraybuffer";
  }

  get unsent(): number {
    return this.raw.bufferedAmount;
  }

  listen(events: WireEvents): void {
    this.raw.addEventListener(
      "message",
      ({ data }) =>
        events.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer)),
    );
    // Deno's can tell it twice, and 0 of a peer that vanished.
    this.raw.addEventListener("close", ({ code }) => events.closed(code || VANISHED), {
      once: true,
    });
  }

  send(data: string | Uint8Array): void {
    if (this.raw.readyState === OPEN) this.raw.send(data as string | Uint8Array<ArrayBuffer>);
  }

  close(code: number, reason: string): void {
    this.raw.close(code, reason);
  }

  /** The standard has none of these. */
  terminate(): void {
    this.raw.close();
  }

  pause(): void {}

  resume(): void {}
}

const OPEN = 1;

/** The close code of a peer that said no goodbye (RFC 6455, section 7.1.5). */
export const VANISHED = 1006;
