import { library } from "./consumer.ts";
import { WebSocketConsumer } from "./websocket_consumer.ts";

/**
 * A consumer whose peer speaks JSON, in text. What is none closes the socket with 1007, and bytes
 * with 1003, each with the reason.
 *
 * @example
 * ```ts
 * import { JsonWebSocketConsumer } from "maru/channels";
 *
 * class PingConsumer extends JsonWebSocketConsumer {
 *   override receiveJson(content: unknown) {
 *     this.sendJson({ type: "pong", content });
 *   }
 * }
 * ```
 */
export class JsonWebSocketConsumer<User = unknown, Session = unknown>
  extends WebSocketConsumer<User, Session> {
  static {
    library.push(this.prototype);
  }

  /** The peer sent this. */
  receiveJson(_content: unknown): Promise<void> | void {}

  /**
   * Sends a value as JSON.
   *
   * @throws {TypeError} when it has no JSON: undefined, a function, a symbol, a BigInt, a cycle
   */
  sendJson(content: unknown): void {
    this.send(jsonOf(content));
  }

  /** Parses what the peer sent, and hands it to {@linkcode receiveJson}. */
  override receive(data: string | Uint8Array): Promise<void> | void {
    if (typeof data !== "string") return this.close(1003, "Send text, not bytes");
    let content: unknown;
    try {
      content = JSON.parse(data);
    } catch {
      return this.close(1007, "Not JSON");
    }
    return this.receiveJson(content);
  }
}

/** @throws {TypeError} when a value has no JSON */
export function jsonOf(content: unknown): string {
  // Of these it makes no text, and a socket would send the word "undefined", or bytes.
  const text = JSON.stringify(content) as string | undefined;
  if (text !== undefined) return text;
  throw new TypeError(`Cannot send a value of type ${typeof content}: it has no JSON`);
}
