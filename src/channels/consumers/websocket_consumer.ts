import { Consumer, library } from "./consumer.ts";

/** What is known of the request that a socket began with. */
export interface Scope<User = unknown, Session = unknown> {
  /** The path of the URL. */
  readonly path: string;
  /** What the route's parameters matched. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the `?` of the URL. */
  readonly query: URLSearchParams;
  /** The request's headers. */
  readonly headers: Headers;
  /** The subprotocols that the client offers, in its order of preference. */
  readonly subprotocols: readonly string[];
  /** Who it is, as the mount's `user` tells. */
  readonly user: User;
  /** The session, as the mount's `session` tells. */
  readonly session: Session;
}

/** What a {@linkcode WebSocketConsumer} does its work with. */
export interface SocketContext {
  scope(): Scope;
  raw(): unknown;
  accept(subprotocol: string | undefined): Promise<void>;
  refuse(status: number, body: string): void;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
}

/** Gives a consumer its socket. */
export let beginSocket: (consumer: WebSocketConsumer, context: SocketContext) => void;

/**
 * The object behind one WebSocket.
 *
 * Its life: `connect()`, in which it accepts or refuses; then, one after the other, `receive()` for
 * each message of the peer's and a handler for each event of the channel layer; at last, once and
 * always, also when the peer vanishes, `disconnect()`. What throws closes this socket with 1011, and
 * no other.
 *
 * @example
 * ```ts
 * import { type Message, WebSocketConsumer } from "maru/channels";
 *
 * class EchoConsumer extends WebSocketConsumer {
 *   override groups = ["everybody"];
 *
 *   override receive(data: string | Uint8Array) {
 *     return this.layer.groupSend("everybody", { type: "echo", text: String(data) });
 *   }
 *
 *   echo({ text }: Message) {
 *     this.send(text as string);
 *   }
 * }
 * ```
 */
export class WebSocketConsumer<User = unknown, Session = unknown> extends Consumer {
  /** Joined when it accepts, left when it disconnects. */
  groups: readonly string[] = NO_GROUPS;
  #context: SocketContext | undefined;

  static {
    beginSocket = (consumer, context) => consumer.#context = context;
    library.push(this.prototype);
  }

  /** What is known of the request. */
  get scope(): Scope<User, Session> {
    return this.#begun.scope() as Scope<User, Session>;
  }

  /** The runtime's own socket, for what this class does not offer; undefined until it is open. */
  get raw(): unknown {
    return this.#begun.raw();
  }

  /**
   * Somebody wants in. Accept, or refuse: with {@linkcode refuse} before the upgrade, with a status
   * that browsers do not show to scripts, or after it, by an error frame and a close code.
   */
  connect(): Promise<void> | void {
    return this.accept();
  }

  /** The peer sent text, or bytes. */
  receive(_data: string | Uint8Array): Promise<void> | void {}

  /** The peer is gone, with this close code; 1006 when it vanished. */
  disconnect(_code: number): Promise<void> | void {}

  /**
   * Lets the peer in, with one of the subprotocols that it offers, or none. Resolves when the socket
   * is open; what is sent before waits for that.
   *
   * @throws {TypeError} when the subprotocol was not offered
   */
  accept(subprotocol?: string): Promise<void> {
    return this.#begun.accept(subprotocol);
  }

  /** Refuses the peer before the upgrade, with an HTTP status. */
  refuse(status = 403, body = ""): void {
    this.#begun.refuse(status, body);
  }

  /** Sends text, or bytes. */
  send(data: string | Uint8Array): void {
    this.#begun.send(data);
  }

  /**
   * Closes the socket; before it accepted, refuses with 403.
   *
   * @param code 1000 to 1003, 1007 to 1013, or one of the application's, 3000 to 4999
   * @param reason at most 123 bytes of UTF-8
   * @throws {RangeError} when the code or the reason is another; it is still open then
   */
  close(code = 1000, reason = ""): void {
    this.#begun.close(code, reason);
  }

  get #begun(): SocketContext {
    if (this.#context !== undefined) return this.#context;
    throw new TypeError(
      `Cannot use ${this.constructor.name} yet: it begins when it connects; a constructor is too early`,
    );
  }
}

const NO_GROUPS: readonly string[] = [];
