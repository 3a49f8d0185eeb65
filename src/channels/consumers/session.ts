import type { ChannelLayer } from "../layer.ts";
import type { WarnHandler } from "../subscribers.ts";
import { begin, dispatch } from "./consumer.ts";
import type { Keepalive } from "./keepalive.ts";
import { beginSocket, type Scope, type WebSocketConsumer } from "./websocket_consumer.ts";
import { VANISHED, type Wire } from "./wire.ts";

/** A handler that takes longer closes its socket with 1011. */
export const HANDLER_TIMEOUT_MS = 60_000;
/** A handler that is at work when the peer goes away keeps `disconnect` waiting at most this long. */
export const DISCONNECT_GRACE_MS = 5_000;
/** A peer that leaves more than this unread is cut off: memory is everybody's. */
export const UNSENT_MAX_BYTES = 4 * 1024 * 1024;
/** More messages than this do not wait for a handler: the peer is not read meanwhile. */
export const WAITING_HIGH_WATER = 16;
/** A peer that cannot be paused is closed with 1008 above this. */
export const WAITING_MAX = 1_000;

// Between accepting and the upgrade; a peer that vanished in between is never heard of again.
const OPEN_TIMEOUT_MS = 10_000;

/** What a {@linkcode SocketSession} is made of. */
export interface SocketSessionOptions {
  /** What the consumer sends to and hears from. */
  readonly layer: ChannelLayer;
  /** What is known of the request; asked for when the consumer asks. */
  readonly scope: () => Scope;
  /** Told of handlers that fail. @default silent */
  readonly warn?: WarnHandler;
  /** In ms; Infinity for none. @default {HANDLER_TIMEOUT_MS} */
  readonly handlerTimeoutMs?: number;
}

/** How `connect()` decided. */
export type Verdict =
  | { readonly accepted: true; readonly subprotocol: string | undefined }
  | { readonly accepted: false; readonly status: number; readonly body: string };

/**
 * Leads a consumer through the life of its socket: connecting, accepted, open, closed. What it does
 * is done one thing at a time, in the order in which it came.
 */
export class SocketSession {
  readonly #consumer: WebSocketConsumer;
  readonly #options: SocketSessionOptions;
  readonly #keepalive: Keepalive | undefined;
  readonly #done = new AbortController();
  readonly #verdict = Promise.withResolvers<Verdict>();
  readonly #opened = Promise.withResolvers<void>();
  #state: "connecting" | "accepted" | "open" | "closing" | "closed" = "connecting";
  #wire: Wire | undefined;
  #channelName: string | undefined;
  #busy = false;
  #paused = false;
  #waiting: (() => unknown)[] = [];
  /** Sent before it was open. */
  #unsent: (string | Uint8Array)[] = [];
  #closeWith: readonly [code: number, reason: string] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param keepalive finds out when the peer vanishes */
  constructor(
    consumer: WebSocketConsumer,
    options: SocketSessionOptions,
    keepalive?: Keepalive,
  ) {
    this.#consumer = consumer;
    this.#options = options;
    this.#keepalive = keepalive;
    this.#opened.promise.catch(() => {});
    begin(consumer, {
      layer: options.layer,
      channelName: () => this.#channel(),
      signal: this.#done.signal,
    });
    beginSocket(consumer, {
      scope: options.scope,
      raw: () => this.#wire?.raw,
      accept: (subprotocol) => {
        const accepted = this.#accept(subprotocol);
        // Not everybody waits for it, and this is no reason to end the process.
        accepted.catch(() => {});
        return accepted;
      },
      refuse: (status, body) => this.#refuse(status, body),
      send: (data) => this.#send(data),
      close: (code, reason) => this.#close(code, reason),
    });
  }

  /** Calls `connect()`; resolves when it has accepted or refused. */
  connect(): Promise<Verdict> {
    void Promise.resolve(this.#perform("connect", () => this.#consumer.connect()))
      // Who does not accept refuses.
      .then(() => this.#refuse(403, ""));
    return this.#verdict.promise;
  }

  /** The upgrade is done. */
  open(wire: Wire): void {
    clearTimeout(this.#timer);
    if (this.#state !== "accepted") return wire.close(1011, "");
    this.#state = "open";
    this.#wire = wire;
    this.#keepalive?.add(wire);
    wire.listen({
      message: (data) => {
        this.#keepalive?.heard(wire);
        this.#receive(data);
      },
      pong: () => this.#keepalive?.heard(wire),
      closed: (code) => this.#disconnected(code),
    });
    if (this.#busy) this.#pause();
    for (const data of this.#unsent) wire.send(data);
    this.#unsent = [];
    if (this.#closeWith !== undefined) this.#close(...this.#closeWith);
    this.#opened.resolve();
  }

  #channel(): string {
    if (this.#channelName === undefined) {
      const { layer } = this.#options;
      this.#channelName = layer.newChannel();
      layer.subscribe(
        this.#channelName,
        (message) =>
          this.#perform(`an event of type ${message["type"]}`, () => {
            if (!this.#done.signal.aborted) return dispatch(this.#consumer, message);
          }),
        { signal: this.#done.signal },
      );
    }
    return this.#channelName;
  }

  async #accept(subprotocol: string | undefined): Promise<void> {
    if (this.#state !== "connecting") return await this.#opened.promise;
    this.#state = "accepted";
    const { layer, scope } = this.#options;
    try {
      if (subprotocol !== undefined && !scope().subprotocols.includes(subprotocol)) {
        throw new TypeError(`Cannot accept with subprotocol "${subprotocol}": it was not offered`);
      }
      const { groups } = this.#consumer;
      await Promise.all(groups.map((group) => layer.groupAdd(group, this.#channel())));
    } catch (error) {
      this.#state = "connecting";
      this.#fail("accept", error);
      throw error;
    }
    this.#timer = setTimeout(() => this.#disconnected(VANISHED), OPEN_TIMEOUT_MS);
    this.#verdict.resolve({ accepted: true, subprotocol });
    await this.#opened.promise;
  }

  #refuse(status: number, body: string): void {
    if (this.#state !== "connecting") return;
    this.#state = "closed";
    this.#verdict.resolve({ accepted: false, status, body });
    this.#end();
  }

  #send(data: string | Uint8Array): void {
    if (this.#state === "open") this.#sendNow(data);
    else if (this.#state === "connecting" || this.#state === "accepted") this.#unsent.push(data);
  }

  #sendNow(data: string | Uint8Array): void {
    const wire = this.#wire!;
    if (wire.unsent <= UNSENT_MAX_BYTES) return wire.send(data);
    this.#warn("sending", new Error(`The peer leaves ${wire.unsent} bytes unread`));
    this.#state = "closing";
    wire.terminate();
  }

  #close(code: number, reason: string): void {
    if (this.#state === "connecting") return this.#refuse(403, "");
    if (this.#state === "accepted") this.#closeWith ??= [code, reason];
    if (this.#state !== "open") return;
    this.#state = "closing";
    // Its close frame has to be read.
    this.#resume();
    this.#wire!.close(code, reason);
  }

  #receive(data: string | Uint8Array): void {
    if (this.#state !== "open") return;
    if (this.#waiting.length >= WAITING_MAX) return this.#close(1008, "Too many messages at once");
    void this.#perform("receive", () => this.#consumer.receive(data));
  }

  /** The peer is gone: what it sent is handled still, within a bound. */
  #disconnected(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timer);
    if (this.#wire !== undefined) this.#keepalive?.remove(this.#wire);
    this.#opened.reject(new SocketGoneError());
    let called = false;
    const disconnect = async () => {
      if (called) return;
      called = true;
      clearTimeout(timer);
      this.#waiting = [];
      try {
        await this.#consumer.disconnect(code);
      } catch (error) {
        this.#warn("disconnect", error);
      }
      this.#end();
    };
    const timer = setTimeout(disconnect, DISCONNECT_GRACE_MS);
    this.#schedule(disconnect);
  }

  /** Nothing of it stays in the layer. */
  #end(): void {
    this.#unsent = [];
    this.#done.abort(new SocketGoneError());
  }

  /** Does something of the consumer's when its turn comes; what fails closes the socket. */
  #perform(what: string, call: () => unknown): Promise<void> | void {
    return this.#schedule(() => {
      try {
        const working = call();
        if (working instanceof Promise) return this.#watch(what, working);
      } catch (error) {
        this.#fail(what, error);
      }
    });
  }

  async #watch(what: string, working: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<never>();
    const { handlerTimeoutMs = HANDLER_TIMEOUT_MS } = this.#options;
    const timer = handlerTimeoutMs === Infinity ? undefined : setTimeout(
      () => late.reject(new Error(`It takes longer than ${handlerTimeoutMs} ms`)),
      handlerTimeoutMs,
    );
    try {
      await Promise.race([working, late.promise]);
    } catch (error) {
      // Whoever waited for a socket that is gone learns it by this; nothing failed.
      if (!(error instanceof SocketGoneError)) this.#fail(what, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #schedule(task: () => unknown): Promise<void> | void {
    if (!this.#busy) return this.#run(task);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(async () => {
      await task();
      resolve();
    });
    if (this.#waiting.length >= WAITING_HIGH_WATER) this.#pause();
    return promise;
  }

  #run(task: () => unknown): Promise<void> | void {
    this.#busy = true;
    const working = task();
    if (working instanceof Promise) return working.then(() => this.#next());
    this.#next();
  }

  #next(): void {
    this.#busy = false;
    const task = this.#waiting.shift();
    if (task !== undefined) void this.#run(task);
    else this.#resume();
  }

  #fail(what: string, error: unknown): void {
    this.#warn(what, error);
    if (this.#state === "connecting") return this.#refuse(500, "");
    this.#close(1011, "");
  }

  #warn(what: string, error: unknown): void {
    const { name } = this.#consumer.constructor;
    this.#options.warn?.(`${name} failed at ${what}`, error);
  }

  #pause(): void {
    if (this.#paused || this.#state !== "open") return;
    this.#paused = true;
    this.#wire!.pause();
    // Whom one does not hear cannot be asked for a sign.
    this.#keepalive?.remove(this.#wire!);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wire!.resume();
    if (this.#state !== "closed") this.#keepalive?.add(this.#wire!);
  }
}

/** What ends the wait for a socket that is gone, and what its consumer's signal gives as a reason. */
class SocketGoneError extends Error {
  override readonly name = "SocketGoneError";

  constructor() {
    super("The socket is closed");
  }
}
