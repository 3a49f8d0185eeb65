import WebSocket from "ws";

/** A frame of the server's, parsed. */
// deno-lint-ignore no-explicit-any -- tests look into frames of every type
export type Frame = any;

/** Options of {@linkcode RoomClient.open}. */
export interface RoomClientOptions {
  /** Speaks `maru.v1`. @default true */
  readonly joined?: boolean;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const WAIT_TIMEOUT_MS = 15_000;

/** A plain socket client that keeps all it was sent, and waits for what a test expects. */
export class RoomClient implements AsyncDisposable {
  readonly frames: Frame[] = [];
  /** How many WebSocket frames came. */
  rawFrames = 0;
  readonly ws: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting = new Set<() => void>();
  #isClosed = false;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = closed.promise;
    ws.on("message", (data) => {
      this.rawFrames++;
      for (const line of String(data).split("\n")) this.frames.push(JSON.parse(line));
      for (const look of this.#waiting) look();
    });
    ws.on("close", (code, reason) => {
      this.#isClosed = true;
      closed.resolve({ code, reason: String(reason) });
      for (const look of this.#waiting) look();
    });
    ws.on("error", () => {});
  }

  /** Opens a socket; rejects with the HTTP status when the upgrade is refused. */
  static async open(
    wsOrigin: string,
    room: string,
    { joined = true, query = "", headers = {} }: RoomClientOptions = {},
  ): Promise<RoomClient> {
    const url = `${wsOrigin}/ws/chat/${encodeURIComponent(room)}/${query}`;
    const ws = new WebSocket(url, joined ? ["maru.v1"] : [], { headers });
    const client = new RoomClient(ws);
    const opened = Promise.withResolvers<void>();
    ws.on("open", opened.resolve);
    ws.on("unexpected-response", (request, response) => {
      opened.reject(new Error(`status ${response.statusCode}`));
      response.resume();
      request.destroy();
    });
    ws.on("error", opened.reject);
    await opened.promise;
    if (joined) await client.until(() => client.frames.length > 0 || client.#isClosed);
    return client;
  }

  get welcome(): Frame {
    return this.frames.find((frame) => frame.type === "welcome");
  }

  /** The message frames so far. */
  get messages(): Frame[] {
    return this.frames.filter((frame) => frame.type === "message");
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Sends a message under a new id, and returns the id. */
  say(message: string, id: string = crypto.randomUUID()): string {
    this.send({ type: "message", id, message });
    return id;
  }

  /** Sends a message and waits for its ack or its error. */
  async ask(message: string, id: string = crypto.randomUUID()): Promise<Frame> {
    const from = this.frames.length;
    this.say(message, id);
    return await this.next((frame) => frame.id === id && frame.type !== "message", from);
  }

  /** The first frame from a place on that a test looks for. */
  async next(test: (frame: Frame) => boolean, from = 0): Promise<Frame> {
    await this.until(() => this.frames.slice(from).some(test));
    return this.frames.slice(from).find(test);
  }

  /** Waits for a condition, looked at after every frame and at the close. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    const met = Promise.withResolvers<void>();
    const look = () => condition() && met.resolve();
    this.#waiting.add(look);
    const timer = setTimeout(
      () =>
        met.reject(new Error(`Waited in vain; got ${JSON.stringify(this.frames).slice(-1_000)}`)),
      WAIT_TIMEOUT_MS,
    );
    try {
      await met.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }
}
