import { jsonOf } from "../consumers/json_websocket_consumer.ts";
import {
  HANDLER_TIMEOUT_MS,
  SocketSession,
  type SocketSessionOptions,
  type Verdict,
} from "../consumers/session.ts";
import { assertTimeLimits } from "../time_limit.ts";
import type { Scope, WebSocketConsumer } from "../consumers/websocket_consumer.ts";
import { VANISHED, type Wire, type WireEvents } from "../consumers/wire.ts";

/** Options of {@linkcode ConsumerTester}. */
export interface ConsumerTesterOptions extends Omit<SocketSessionOptions, "scope"> {
  /** What the consumer is to know of its request. @default a request without anything */
  readonly scope?: Partial<Scope>;
}

/** How long to wait for what should come, in ms. */
const TIMEOUT_MS = 5_000;
/** How long nothing has to come, in ms. */
const NOTHING_MS = 50;

/**
 * Drives a consumer without a network, as a peer would.
 *
 * @example
 * ```ts
 * import { JsonWebSocketConsumer, memoryChannelLayer } from "maru/channels";
 * import { ConsumerTester } from "maru/channels/testing";
 *
 * class PingConsumer extends JsonWebSocketConsumer {
 *   override receiveJson(content: unknown) {
 *     this.sendJson({ type: "pong", content });
 *   }
 * }
 *
 * await using layer = memoryChannelLayer();
 * const peer = new ConsumerTester(new PingConsumer(), { layer });
 * await peer.connect();
 * peer.sendJson({ n: 1 });
 * console.log(await peer.receiveJson());
 * await peer.disconnect();
 * ```
 */
export class ConsumerTester {
  readonly #session: SocketSession;
  readonly #consumer: WebSocketConsumer;
  readonly #sent: (string | Uint8Array)[] = [];
  readonly #closed = Promise.withResolvers<{ code: number; reason: string }>();
  readonly #disconnected = Promise.withResolvers<void>();
  #events: WireEvents | undefined;
  #came = () => {};

  /**
   * The consumer must not have been used before.
   *
   * @throws {RangeError} when `handlerTimeoutMs` is no time
   */
  constructor(consumer: WebSocketConsumer, { scope, ...options }: ConsumerTesterOptions) {
    const { handlerTimeoutMs = HANDLER_TIMEOUT_MS } = options;
    assertTimeLimits({ handlerTimeoutMs });
    this.#consumer = consumer;
    const whole: Scope = {
      path: "/",
      params: {},
      query: new URLSearchParams(),
      headers: new Headers(),
      subprotocols: [],
      user: undefined,
      session: undefined,
      ...scope,
    };
    this.#session = new SocketSession(consumer, { ...options, scope: () => whole });
  }

  /** Connects; resolves when the consumer has accepted, or refused with a status. */
  async connect(): Promise<Verdict> {
    const verdict = await this.#session.connect();
    if (verdict.accepted) {
      this.#consumer.signal.addEventListener("abort", () => this.#disconnected.resolve());
      this.#session.open(this.#wire());
    }
    return verdict;
  }

  /** What the consumer closed with. */
  get closed(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#closed.promise;
  }

  /** Sends text, or bytes. */
  send(data: string | Uint8Array): void {
    if (this.#events === undefined) throw new TypeError("Cannot send: not connected");
    this.#events.message(data);
  }

  /**
   * Sends a value as JSON.
   *
   * @throws {TypeError} when it has none
   */
  sendJson(content: unknown): void {
    this.send(jsonOf(content));
  }

  /**
   * What the consumer sent next.
   *
   * @throws {Error} when nothing comes within the time, 5 s if not told
   */
  async receive(options: { readonly timeoutMs?: number } = {}): Promise<string | Uint8Array> {
    const { timeoutMs = TIMEOUT_MS } = options;
    if (!await this.#comes(timeoutMs)) throw new Error(`Nothing was sent within ${timeoutMs} ms`);
    return this.#sent.shift()!;
  }

  /** The same, parsed. */
  async receiveJson(options: { readonly timeoutMs?: number } = {}): Promise<unknown> {
    return JSON.parse(await this.receive(options) as string);
  }

  /** Whether the consumer sends nothing for a time, 50 ms if not told. */
  async receiveNothing(options: { readonly forMs?: number } = {}): Promise<boolean> {
    return !await this.#comes(options.forMs ?? NOTHING_MS);
  }

  /** Goes away; resolves when the consumer's `disconnect` is done. */
  async disconnect(code = 1000): Promise<void> {
    if (this.#events === undefined) throw new TypeError("Cannot disconnect: not connected");
    this.#events.closed(code);
    await this.#disconnected.promise;
  }

  #wire(): Wire {
    return {
      raw: undefined,
      unsent: 0,
      listen: (events) => this.#events = events,
      send: (data) => {
        this.#sent.push(data);
        this.#came();
      },
      close: (code, reason) => {
        this.#closed.resolve({ code, reason });
        // A peer answers with the same code.
        queueMicrotask(() => this.#events!.closed(code));
      },
      terminate: () => this.#events!.closed(VANISHED),
      pause: () => {},
      resume: () => {},
    };
  }

  async #comes(withinMs: number): Promise<boolean> {
    if (this.#sent.length > 0) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#came = resolve;
    const timer = setTimeout(resolve, withinMs);
    await promise;
    clearTimeout(timer);
    return this.#sent.length > 0;
  }
}
