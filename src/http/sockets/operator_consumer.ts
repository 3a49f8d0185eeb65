import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { JsonWebSocketConsumer } from "../../channels/mod.ts";
import { CLOSE, type ErrorCode, ERRORS, SUBPROTOCOL } from "../../protocol/codes.ts";
import type { Operator } from "../operators.ts";
import type { HeldSocket, SocketHolder, Sockets } from "./sockets.ts";
import { Transport } from "./transport.ts";

/** What an {@linkcode OperatorConsumer} is made of. */
export interface OperatorConsumerOptions {
  readonly sockets: Sockets;
  /** The connection under the WebSocket. */
  readonly connection: Socket;
  readonly operator: Operator;
}

/**
 * An operator's socket: looked after with all the others, and open for as long as its operator is
 * one. It speaks JSON, an object a frame, in `maru.v1` or without a subprotocol, and answers `ping`.
 */
export abstract class OperatorConsumer extends JsonWebSocketConsumer implements SocketHolder {
  readonly #sockets: Sockets;
  readonly #connection: Socket;
  readonly #operator: Operator;
  readonly #left = new AbortController();
  #transport!: Transport;
  #held!: HeldSocket;

  constructor({ sockets, connection, operator }: OperatorConsumerOptions) {
    super();
    this.#sockets = sockets;
    this.#connection = connection;
    this.#operator = operator;
  }

  /** Aborts when there is nobody to send to any more. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** The socket is open. */
  protected abstract opened(): void;

  /** The peer sent an object, other than a ping. */
  protected receiveObject(_object: Readonly<Record<string, unknown>>): Promise<void> | void {}

  override async connect(): Promise<void> {
    const joined = this.scope.subprotocols.includes(SUBPROTOCOL);
    await this.accept(joined ? SUBPROTOCOL : undefined);
    this.#transport = new Transport(
      this.raw as WebSocket,
      this.#connection,
      this.#sockets.pacer,
    );
    this.#held = this.#sockets.hold(this, this.#transport);
    if (!this.left.aborted) this.opened();
  }

  override receive(data: string | Uint8Array): Promise<void> | void {
    if (!this.left.aborted) return super.receive(data);
  }

  override receiveJson(content: unknown): Promise<void> | void {
    if (typeof content !== "object" || content === null || Array.isArray(content)) {
      return this.end("bad_frame", CLOSE.BAD_FRAME);
    }
    const object = content as Readonly<Record<string, unknown>>;
    if (object["type"] === "ping") return this.sendJson({ type: "pong" });
    return this.receiveObject(object);
  }

  override send(data: string | Uint8Array): void {
    if (this.left.aborted) return;
    if (Date.now() > this.#operator.until) return this.end("not_operator", CLOSE.NOT_SIGNED_IN);
    super.send(data);
  }

  /** Says why, and closes. */
  protected end(code: ErrorCode, close: number): void {
    if (this.left.aborted) return;
    super.send(JSON.stringify(errorFrame(code)));
    this.leave();
    this.#transport.close(close, code);
  }

  override disconnect(): void {
    this.leave();
    this.#sockets.release(this.#held);
  }

  leave(): void {
    this.#left.abort();
  }

  goAway(): void {
    this.end("going_away", CLOSE.GOING_AWAY);
  }

  tooSlow(): void {
    this.end("too_slow", CLOSE.TOO_SLOW);
  }
}

/** How a socket tells that something was refused. */
export function errorFrame(code: ErrorCode) {
  return { type: "error", code, message: ERRORS[code].text, retry: ERRORS[code].retry };
}
