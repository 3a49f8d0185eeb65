const decoder = new TextDecoder();
const encoder = new TextEncoder();
const READ_BYTES = 256 * 1024;
const OPCODE = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Called with each text frame; `start` and `end` are within `bytes`, which is used again after. */
export type OnText = (bytes: Uint8Array, start: number, end: number) => void;

/** Where a {@linkcode LoadSocket} goes. */
export interface LoadSocketOptions {
  readonly port: number;
  readonly path: string;
  /** @default none */
  readonly subprotocol?: string | null;
  readonly onText: OnText;
  /** No frame may be larger than this. @default 256 KiB */
  readonly bufferBytes?: number;
}

/**
 * A WebSocket client that costs little: raw TCP, frames taken apart in place, no event objects. The
 * load shares its two cores with what it measures.
 */
export class LoadSocket {
  /** Resolves when the connection is gone. */
  readonly ended: Promise<void>;
  readonly #connection: Deno.TcpConn;
  readonly #onText: OnText;
  #out: Uint8Array[] = [];
  #writing = false;
  closed = false;

  private constructor(
    connection: Deno.TcpConn,
    onText: OnText,
    [buffer, start, end]: [Uint8Array, number, number],
  ) {
    this.#connection = connection;
    this.#onText = onText;
    this.ended = this.#read(buffer, start, end);
  }

  static async open(options: LoadSocketOptions): Promise<LoadSocket> {
    const { port, path, subprotocol = null, onText, bufferBytes = READ_BYTES } = options;
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    try {
      connection.setNoDelay(true);
      const lines = [
        `GET ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: bWFydSBiZW5jaCBsb2FkIQ==",
        "Sec-WebSocket-Version: 13",
        ...subprotocol === null ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`],
      ];
      await connection.write(encoder.encode(lines.join("\r\n") + "\r\n\r\n"));
      const buffer = new Uint8Array(bufferBytes);
      let length = 0;
      let end = -1;
      while (end < 0) {
        const n = await connection.read(buffer.subarray(length));
        if (n === null) throw new Error(`Cannot open ${path}: closed during the handshake`);
        length += n;
        end = decoder.decode(buffer.subarray(0, length)).indexOf("\r\n\r\n");
      }
      const head = decoder.decode(buffer.subarray(0, end));
      if (!head.startsWith("HTTP/1.1 101")) {
        throw new Error(`Cannot open ${path}: ${head.split("\r\n")[0]}`);
      }
      return new LoadSocket(connection, onText, [buffer, end + 4, length]);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends text frames that {@linkcode textFrame} made. */
  send(frame: Uint8Array): void {
    this.#out.push(frame);
    if (!this.#writing) void this.#write();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#connection.close();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#out.length > 0) {
        const bytes = this.#out.length === 1 ? this.#out[0]! : concat(this.#out);
        this.#out = [];
        for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
      }
    } catch {
      this.closed = true;
    }
    this.#writing = false;
  }

  async #read(buffer: Uint8Array, start: number, end: number): Promise<void> {
    try {
      for (;;) {
        start = this.#takeFrames(buffer, start, end);
        if (start === end) start = end = 0;
        else if (end === buffer.length) {
          // A frame that began near the end of the buffer: make room.
          if (start === 0) throw new Error("A frame larger than the buffer");
          buffer.copyWithin(0, start, end);
          end -= start;
          start = 0;
        }
        const n = await this.#connection.read(buffer.subarray(end));
        if (n === null) break;
        end += n;
      }
    } catch {
      // Closed.
    }
    this.close();
  }

  /** Takes whole frames apart; returns where the first incomplete one begins. */
  #takeFrames(buffer: Uint8Array, start: number, end: number): number {
    while (end - start >= 2) {
      const opcode = buffer[start]! & 0x0f;
      let length = buffer[start + 1]! & 0x7f;
      let at = start + 2;
      if (length === 126) {
        if (end - at < 2) return start;
        length = buffer[at]! << 8 | buffer[at + 1]!;
        at += 2;
      } else if (length === 127) {
        if (end - at < 8) return start;
        length = new DataView(buffer.buffer).getUint32(at + 4);
        at += 8;
      }
      if (end - at < length) return start;
      if (opcode === OPCODE.text) this.#onText(buffer, at, at + length);
      else if (opcode === OPCODE.ping) this.send(frame(OPCODE.pong, buffer.slice(at, at + length)));
      else if (opcode === OPCODE.close) this.close();
      start = at + length;
    }
    return start;
  }
}

/** A client's text frame: masked, as RFC 6455 asks, with a mask of zeros. */
export function textFrame(text: string): Uint8Array {
  return frame(OPCODE.text, encoder.encode(text));
}

function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const header = payload.length < 126 ? 6 : 8;
  const bytes = new Uint8Array(header + payload.length);
  bytes[0] = 0x80 | opcode;
  if (header === 6) bytes[1] = 0x80 | payload.length;
  else {
    bytes[1] = 0x80 | 126;
    bytes[2] = payload.length >> 8;
    bytes[3] = payload.length & 0xff;
  }
  bytes.set(payload, header);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
