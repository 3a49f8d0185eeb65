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
  /** Who waits for what is sent next, in the order of their calls. */
  readonly #receivers = new Set<(data: string | Uint8Array) => void>();
  /** Who waits for nothing to be sent. */
  readonly #watchers = new Set<() => void>();

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
   * What the consumer sent next. Several calls that wait get one each, in their order.
   *
   * @throws {Error} when nothing comes within the time, 5 s if not told
   */
  async receive(options: { readonly timeoutMs?: number } = {}): Promise<string | Uint8Array> {
    const { timeoutMs = TIMEOUT_MS } = options;
    const sent = this.#sent.shift();
    if (sent !== undefined) return sent;
    const { promise, resolve, reject } = Promise.withResolvers<string | Uint8Array>();
    this.#receivers.add(resolve);
    const timer = setTimeout(
      () => reject(new Error(`Nothing was sent within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#receivers.delete(resolve);
    }
  }

  /** The same, parsed. */
  async receiveJson(options: { readonly timeoutMs?: number } = {}): Promise<unknown> {
    return JSON.parse(await this.receive(options) as string);
  }

  /** Whether the consumer sends nothing for a time, 50 ms if not told. */
  async receiveNothing(options: { readonly forMs?: number } = {}): Promise<boolean> {
    if (this.#sent.length > 0) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const came = () => resolve(false);
    this.#watchers.add(came);
    const timer = setTimeout(() => resolve(true), options.forMs ?? NOTHING_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(came);
    }
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
      send: (data) => this.#come(data),
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

  #come(data: string | Uint8Array): void {
    for (const came of this.#watchers) came();
    const [receiver] = this.#receivers;
    if (receiver === undefined) return void this.#sent.push(data);
    this.#receivers.delete(receiver);
    receiver(data);
  }
}
