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
  readonly message: (data: string | Uint8Array) => void;
  /** The peer gave the sign that it was asked for. */
  readonly pong?: () => void;
  readonly closed: (code: number) => void;
}

/** The wire over a socket of the package `ws`, or of the web's standard. */
export function wireOf(raw: unknown): Wire {
  return typeof (raw as WsSocket).pause === "function"
    ? new WsWire(raw as WsSocket)
    : new StandardWire(raw as WebSocket);
}

/** What is needed of a socket of the package `ws`. */
interface WsSocket {
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: "close", listener: (code: number) => void): void;
  on(event: "pong", listener: () => void): void;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
  ping(): void;
  pause(): void;
  resume(): void;
  readonly readyState: number;
}

class WsWire implements Wire {
  readonly raw: WsSocket;

  constructor(raw: WsSocket) {
    this.raw = raw;
  }

  get unsent(): number {
    return this.raw.bufferedAmount;
  }

  listen({ message, pong, closed }: WireEvents): void {
    this.raw.on("message", (data, isBinary) => message(isBinary ? data : data.toString()));
    if (pong !== undefined) this.raw.on("pong", pong);
    this.raw.on("close", closed);
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

  listen({ message, closed }: WireEvents): void {
    this.raw.addEventListener(
      "message",
      ({ data }) => message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer)),
    );
    // Deno's can tell it twice, and 0 of a peer that vanished.
    this.raw.addEventListener("close", ({ code }) => closed(code || VANISHED), { once: true });
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
