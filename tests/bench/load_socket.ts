const decoder = new TextDecoder();
const encoder = new TextEncoder();
const READ_BYTES = 256 * 1024;

/** Called with each text frame; `start` and `end` are within `bytes`, which is used again after. */
export type OnText = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * A WebSocket client that costs little: raw TCP, frames taken apart in place, no event objects. The
 * load shares its two cores with what it measures.
 */
export class LoadSocket {
  readonly #connection: Deno.TcpConn;
  readonly #onText: OnText;
  #out: Uint8Array[] = [];
  #writing = false;
  closed = false;

  private constructor(connection: Deno.TcpConn, onText: OnText) {
    this.#connection = connection;
    this.#onText = onText;
  }

  static async open(
    port: number,
    path: string,
    subprotocol: string | null,
    onText: OnText,
  ): Promise<LoadSocket> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
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
    const buffer = new Uint8Array(READ_BYTES);
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
      connection.close();
      throw new Error(`Cannot open ${path}: ${head.split("\r\n")[0]}`);
    }
    const socket = new LoadSocket(connection, onText);
    void socket.#read(buffer, end + 4, length);
    return socket;
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
      if (opcode === 1) this.#onText(buffer, at, at + length);
      else if (opcode === 8) this.close();
      start = at + length;
    }
    return start;
  }
}

/** A client's text frame: masked, as RFC 6455 asks, with a mask of zeros. */
export function textFrame(text: string): Uint8Array {
  const payload = encoder.encode(text);
  const header = payload.length < 126 ? 6 : 8;
  const frame = new Uint8Array(header + payload.length);
  frame[0] = 0x81;
  if (header === 6) frame[1] = 0x80 | payload.length;
  else {
    frame[1] = 0x80 | 126;
    frame[2] = payload.length >> 8;
    frame[3] = payload.length & 0xff;
  }
  frame.set(payload, header);
  return frame;
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
