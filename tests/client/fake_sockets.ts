import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { WebSocketConstructor } from "../../src/client/mod.ts";

/** What a client has sent. */
export interface SentFrame {
  readonly type: string;
  readonly id?: string;
  readonly message?: string;
}

/** A socket whose server is the test. */
export class FakeSocket extends EventTarget {
  readonly OPEN = 1;
  readyState = 0;
  readonly sent: SentFrame[] = [];
  closedByClient = false;

  constructor(readonly url: string, readonly protocols: string | string[] | undefined) {
    super();
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    // Like a dead network: the client's close is never answered.
    this.closedByClient = true;
    this.readyState = 2;
  }

  /** The server accepts. */
  accept(): this {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
    return this;
  }

  /** The server sends frames, joined into one. */
  frames(...frames: ServerFrame[]): void {
    const data = frames.map((frame) => JSON.stringify(frame)).join("\n");
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The server, or the network, closes. */
  drop(code = 1006): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code }));
  }

  /** The texts of the messages that came. */
  get texts(): (string | undefined)[] {
    return this.sent.filter((frame) => frame.type === "message").map((frame) => frame.message);
  }
}

/** Sockets in the order in which a client opened them. */
export class FakeSockets {
  readonly opened: FakeSocket[] = [];
  readonly WebSocket: WebSocketConstructor;

  constructor() {
    const opened = this.opened;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        opened.push(this);
      }
    } as unknown as WebSocketConstructor;
  }

  /** The newest. */
  get last(): FakeSocket {
    const socket = this.opened.at(-1);
    if (!socket) throw new Error("Cannot find a socket: none was opened");
    return socket;
  }
}
