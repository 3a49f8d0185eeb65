import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { textFrame } from "../../chat/mod.ts";
import type { Pacer } from "./pacer.ts";

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
  #lines: string | undefined;
  /** Mostly one or none: an idle socket keeps no arrays. */
  #frames: Uint8Array | Uint8Array[] | undefined;
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

  /** How much of the peer has been read, in bytes. */
  get received(): number {
    return this.#socket.bytesRead;
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
    this.#add(frames);
    this.#schedule();
  }

  /** Sends one JSON object, in a frame with the others of this turn. */
  sendLine(line: string): void {
    this.#lines = this.#lines === undefined ? line : `${this.#lines}\n${line}`;
    this.#schedule();
  }

  /** Sends what waits, now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#lines !== undefined) {
      this.#add(textFrame(Buffer.from(this.#lines)));
      this.#lines = undefined;
    }
    const frames = this.#frames;
    if (frames === undefined) return;
    this.#frames = undefined;
    if (this.open) this.#socket.write(Array.isArray(frames) ? Buffer.concat(frames) : frames);
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

  /** Sends what waits, and says goodbye. */
  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    this.#ws.close(code, reason);
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#closing = true;
    this.#ws.terminate();
  }

  ping(): void {
    if (this.open) this.#ws.ping();
  }

  #add(frames: Uint8Array): void {
    if (this.#frames === undefined) this.#frames = frames;
    else if (Array.isArray(this.#frames)) this.#frames.push(frames);
    else this.#frames = [this.#frames, frames];
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#pacer.schedule(this);
  }
}
