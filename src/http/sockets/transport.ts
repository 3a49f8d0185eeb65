import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { textFrame } from "../../chat/mod.ts";
import type { Pacer } from "./pacer.ts";

// How long a peer has to answer a close before its connection is cut.
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * The sending side of one WebSocket. A write costs more than the bytes in it, so what is sent in one
 * turn of the event loop goes out in one, and to a busy socket everything of one {@linkcode Pacer}
 * interval; to a quiet one at once.
 *
 * Frames are written to the connection under `ws`, which frames, masks and queues nothing of its
 * own here (compression is off), so that a frame made once serves all sockets of a room.
 */
export class Transport {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #pacer: Pacer;
  /** Lines of a joined frame, for this socket alone. */
  #lines: string[] = [];
  #frames: Uint8Array[] = [];
  #scheduled = false;
  #closing = false;

  constructor(ws: WebSocket, socket: Socket, pacer: Pacer) {
    this.#ws = ws;
    this.#socket = socket;
    this.#pacer = pacer;
  }

  /** What the peer has not taken yet, in bytes, without what the kernel holds. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Whether something waits to be sent. */
  get waiting(): boolean {
    return this.#scheduled;
  }

  get open(): boolean {
    return !this.#closing && this.#ws.readyState === this.#ws.OPEN;
  }

  /** Sends ready-made frames, soon. */
  send(frames: Uint8Array): void {
    this.#frames.push(frames);
    this.#schedule();
  }

  /** Sends one JSON object, in a frame with the others of this turn. */
  sendLine(line: string): void {
    this.#lines.push(line);
    this.#schedule();
  }

  /** Sends what waits, now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#lines.length > 0) {
      this.#frames.push(textFrame(Buffer.from(this.#lines.join("\n"))));
      this.#lines = [];
    }
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    if (!this.open) return;
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** Waits until little is unsent, or the connection is gone. */
  async drained(belowBytes: number): Promise<void> {
    this.flush();
    while (this.open && this.unsent >= belowBytes) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.once("drain", resolve);
      this.#socket.once("close", resolve);
      await promise;
      this.#socket.off("drain", resolve);
      this.#socket.off("close", resolve);
    }
  }

  /** Sends what waits, says goodbye, and cuts the connection when the peer does not answer. */
  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    this.#ws.close(code, reason);
    this.cutSoon();
  }

  /** Cuts the connection unless the peer closes it first. */
  cutSoon(): void {
    this.#closing = true;
    const timer = setTimeout(() => this.#ws.terminate(), CLOSE_TIMEOUT_MS);
    this.#ws.once("close", () => clearTimeout(timer));
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#closing = true;
    this.#ws.terminate();
  }

  ping(): void {
    if (this.open) this.#ws.ping();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#pacer.schedule(this);
  }
}
