const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How many answers of each kind came, and how it ended. */
export interface Answers {
  acks: number;
  errors: number;
  pongs: number;
  /** Codes of the errors, in order. */
  codes: string[];
  /** The close code; 0 when the connection went without one. */
  closed: number | null;
}

/** How long the server may take. */
export interface RawSocketOptions {
  /**
   * To accept a connection, to answer the handshake, and to read what is written: longer is a hang.
   *
   * @default 15_000
   */
  readonly timeoutMs?: number;
}

/** A connection after its handshake. */
export interface RawConnection {
  readonly connection: Deno.TcpConn;
  /** What came after the handshake's answer. */
  readonly rest: Uint8Array;
}

const SERVER_TIMEOUT_MS = 15_000;

/**
 * Connects and upgrades to a room's socket, and leaves the reading to the caller.
 *
 * @throws {Error} when the server refuses, or hangs
 */
export async function upgrade(
  port: number,
  room: string,
  { timeoutMs = SERVER_TIMEOUT_MS }: RawSocketOptions = {},
): Promise<RawConnection> {
  const connection = await connect(port, timeoutMs);
  try {
    const lines = [
      `GET /ws/chat/${encodeURIComponent(room)}/ HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: bWFydSBiZW5jaCBsb2FkIQ==",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: maru.v1",
    ];
    await connection.write(encoder.encode(lines.join("\r\n") + "\r\n\r\n"));
    const { head, rest } = await within(timeoutMs, "open a socket", readHead(connection));
    if (!head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`Cannot open a socket: ${head.split("\r\n")[0]}`);
    }
    return { connection, rest };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * A WebSocket client on bare TCP: it can say everything that a right one never says, and counts what
 * it is answered.
 */
export class RawSocket implements AsyncDisposable {
  readonly answers: Answers = { acks: 0, errors: 0, pongs: 0, codes: [], closed: null };
  readonly #connection: Deno.TcpConn;
  readonly #timeoutMs: number;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();

  private constructor(
    { connection, rest }: RawConnection,
    { timeoutMs = SERVER_TIMEOUT_MS }: RawSocketOptions,
  ) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#reading = this.#read(rest);
  }

  /**
   * Opens a socket in a room.
   *
   * @throws {Error} when the server refuses, or hangs
   */
  static async open(
    port: number,
    room: string,
    options: RawSocketOptions = {},
  ): Promise<RawSocket> {
    return new RawSocket(await upgrade(port, room, options), options);
  }

  /**
   * Writes bytes; `false` when the other side is gone.
   *
   * @throws {Error} when the other side neither reads them nor goes
   */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      await within(this.#timeoutMs, "write to a socket", this.#writeAll(bytes));
      return true;
    } catch (error) {
      if (error instanceof HangError) throw error;
      return false;
    }
  }

  /** Waits until the answers are as wanted, or the socket is closed; `false` when it takes too long. */
  async until(wanted: (answers: Answers) => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!wanted(this.answers) && this.answers.closed === null) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      const timer = setTimeout(() => this.#change(), left);
      await this.#changed.promise;
      clearTimeout(timer);
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#connection.close();
    } catch {
      // It is closed.
    }
    await this.#reading;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async #read(rest: Uint8Array): Promise<void> {
    let bytes = rest;
    const buffer = new Uint8Array(256 * 1024);
    try {
      for (;;) {
        bytes = bytes.subarray(this.#takeFrames(bytes));
        const n = await this.#connection.read(buffer);
        if (n === null) break;
        const joined = new Uint8Array(bytes.length + n);
        joined.set(bytes);
        joined.set(buffer.subarray(0, n), bytes.length);
        bytes = joined;
      }
    } catch {
      // Cut off.
    }
    this.answers.closed ??= 0;
    this.#change();
  }

  /** Takes whole frames of the server's, and says how many bytes they were. */
  #takeFrames(bytes: Uint8Array): number {
    let at = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1]! & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < head) break;
      const length = short < 126
        ? short
        : short === 126
        ? view.getUint16(at + 2)
        : Number(view.getBigUint64(at + 2));
      if (bytes.length - at < head + length) break;
      this.#takeFrame(bytes[at]! & 0x0f, bytes.subarray(at + head, at + head + length));
      at += head + length;
    }
    if (at > 0) this.#change();
    return at;
  }

  #takeFrame(opcode: number, payload: Uint8Array): void {
    if (opcode === 8) {
      this.answers.closed = payload.length < 2 ? 0 : (payload[0]! << 8) | payload[1]!;
      return;
    }
    if (opcode !== 1) return;
    for (const line of decoder.decode(payload).split("\n")) {
      const { type, code } = JSON.parse(line);
      if (type === "ack") this.answers.acks++;
      else if (type === "pong") this.answers.pongs++;
      else if (type === "error") {
        this.answers.errors++;
        this.answers.codes.push(code);
      }
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

class HangError extends Error {
  override readonly name = "HangError";
}

async function connect(port: number, timeoutMs: number): Promise<Deno.TcpConn> {
  const aborting = new AbortController();
  const connecting = Deno.connect({ hostname: "127.0.0.1", port, signal: aborting.signal });
  try {
    return await within(timeoutMs, "connect", connecting);
  } catch (error) {
    aborting.abort();
    throw error;
  }
}

/** Gives up what takes too long, without ending it: a write cannot be taken back. */
async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new HangError(`Cannot ${what}: the server hangs, nothing for ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function readHead(connection: Deno.TcpConn): Promise<{ head: string; rest: Uint8Array }> {
  const buffer = new Uint8Array(16 * 1024);
  let length = 0;
  for (;;) {
    const n = await connection.read(buffer.subarray(length));
    if (n === null) throw new Error("Cannot open a socket: closed during the handshake");
    length += n;
    const text = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end), rest: buffer.slice(end + 4, length) };
  }
}
