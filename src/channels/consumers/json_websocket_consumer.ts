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

  /** Sends a value as JSON. */
  sendJson(content: unknown): void {
    this.send(JSON.stringify(content));
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
