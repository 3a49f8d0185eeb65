import { Buffer } from "node:buffer";
import type { ChannelLayer } from "../layer.ts";
import { unfailing, type WarnHandler } from "../subscribers.ts";
import { begin, type ConsumerContext, dispatch } from "./consumer.ts";
import type { Keepalive } from "./keepalive.ts";
import { isThenable } from "../thenable.ts";
import { inTime, TIMER_MAX_MS } from "../time_limit.ts";
import {
  beginSocket,
  type Scope,
  type SocketContext,
  type WebSocketConsumer,
} from "./websocket_consumer.ts";
import { VANISHED, type Wire, type WireEvents } from "./wire.ts";

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
 *
 * There is one for each socket, mostly with nothing to do: it is itself what the consumer and the
 * wire are given, and makes what is seldom needed when it is.
 */
export class SocketSession implements ConsumerContext, SocketContext, WireEvents {
  readonly #consumer: WebSocketConsumer;
  readonly #options: SocketSessionOptions;
  readonly #keepalive: Keepalive | undefined;
  #state: "connecting" | "accepted" | "open" | "closing" | "closed" = "connecting";
  #wire: Wire | undefined;
  /** Undefined until it is asked for, null when there is none any more. */
  #channelName: string | null | undefined;
  #verdict: PromiseWithResolvers<Verdict> | undefined;
  #opened: PromiseWithResolvers<void> | undefined;
  #ended = false;
  #done: AbortController | undefined;
  #busy = false;
  #paused = false;
  #waiting: (() => Promise<void> | void)[] | undefined;
  /** Sent before it was open. */
  #unsent: (string | Uint8Array)[] | undefined;
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
    begin(consumer, this);
    beginSocket(consumer, this);
  }

  /** Calls `connect()`; resolves when it has accepted or refused. */
  connect(): Promise<Verdict> {
    const { promise } = this.#verdict = Promise.withResolvers<Verdict>();
    void Promise.resolve(this.#perform("connect", () => this.#consumer.connect()))
      // Who does not accept refuses.
      .then(() => this.refuse(403, ""));
    return promise;
  }

  /** The upgrade is done. */
  open(wire: Wire): void {
    this.#stopTimer();
    if (this.#state !== "accepted") return wire.close(1011, "");
    this.#state = "open";
    this.#wire = wire;
    this.#keepalive?.add(wire);
    wire.listen(this);
    if (this.#busy) this.#pause();
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const data of unsent) wire.send(data);
    if (this.#closeWith !== undefined) this.close(...this.#closeWith);
    this.#opened?.resolve();
    this.#opened = undefined;
  }

  get layer(): ChannelLayer {
    return this.#options.layer;
  }

  get signal(): AbortSignal {
    if (this.#done === undefined) {
      this.#done = new AbortController();
      if (this.#ended) this.#done.abort(new SocketGoneError());
    }
    return this.#done.signal;
  }

  channelName(): string {
    // In a group it would stay there: what a handler does that was given up comes at any time.
    if (this.#channelName === null) throw new SocketGoneError();
    return this.#channelName ??= this.#openChannel();
  }

  scope(): Scope {
    return this.#options.scope();
  }

  raw(): unknown {
    return this.#wire?.raw;
  }

  accept(subprotocol: string | undefined): Promise<void> {
    const accepted = this.#accept(subprotocol);
    // Not everybody waits for it, and this is no reason to end the process.
    accepted.catch(() => {});
    return accepted;
  }

  refuse(status: number, body: string): void {
    if (this.#state !== "connecting") return;
    this.#state = "closed";
    this.#decide({ accepted: false, status, body });
    this.#end();
  }

  send(data: string | Uint8Array): void {
    if (this.#state === "open") this.#sendNow(data);
    else if (this.#state === "connecting" || this.#state === "accepted") {
      (this.#unsent ??= []).push(data);
    }
  }

  close(code: number, reason: string): void {
    assertClosing(code, reason);
    if (this.#state === "connecting") return this.refuse(403, "");
    if (this.#state === "accepted") this.#closeWith ??= [code, reason];
    if (this.#state !== "open") return;
    this.#state = "closing";
    // Its close frame has to be read.
    this.#resume();
    try {
      this.#wire!.close(code, reason);
    } catch (error) {
      // Neither closed nor heard any more, it would stay as long as its peer wants.
      this.#warn("closing", error);
      this.#wire!.terminate();
    }
  }

  message(data: string | Uint8Array): void {
    this.#keepalive?.heard(this.#wire!);
    if (this.#state !== "open") return;
    if (this.#waiting !== undefined && this.#waiting.length >= WAITING_MAX) {
      return this.close(1008, "Too many messages at once");
    }
    void this.#perform("receive", () => this.#consumer.receive(data));
  }

  pong(): void {
    this.#keepalive?.heard(this.#wire!);
  }

  /** The peer is gone: what it sent is handled still, within a bound. */
  closed(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#stopTimer();
    if (this.#wire !== undefined) this.#keepalive?.remove(this.#wire);
    this.#opened?.reject(new SocketGoneError());
    let called = false;
    const disconnect = async () => {
      if (called) return;
      called = true;
      clearTimeout(timer);
      this.#waiting = undefined;
      await this.#attempt("disconnect", () => this.#consumer.disconnect(code));
      this.#end();
    };
    const timer = setTimeout(disconnect, DISCONNECT_GRACE_MS);
    this.#schedule(disconnect);
  }

  #openChannel(): string {
    const { layer } = this.#options;
    const channel = layer.newChannel();
    layer.subscribe(
      channel,
      (message) =>
        this.#perform(`an event of type ${message["type"]}`, () => {
          if (!this.#ended) return dispatch(this.#consumer, message);
        }),
      { signal: this.signal },
    );
    return channel;
  }

  async #accept(subprotocol: string | undefined): Promise<void> {
    if (this.#state !== "connecting") return await this.#untilOpen();
    this.#state = "accepted";
    const { layer } = this.#options;
    try {
      if (subprotocol !== undefined && !this.scope().subprotocols.includes(subprotocol)) {
        throw new TypeError(`Cannot accept with subprotocol "${subprotocol}": it was not offered`);
      }
      const { groups } = this.#consumer;
      await Promise.all(groups.map((group) => layer.groupAdd(group, this.channelName())));
    } catch (error) {
      this.#state = "connecting";
      this.#fail("accept", error);
      throw error;
    }
    this.#timer = setTimeout(() => this.closed(VANISHED), OPEN_TIMEOUT_MS);
    this.#decide({ accepted: true, subprotocol });
    await this.#untilOpen();
  }

  /** @throws {SocketGoneError} when it was never open, and will not be */
  async #untilOpen(): Promise<void> {
    if (this.#wire !== undefined) return;
    if (this.#state === "closed") throw new SocketGoneError();
    await (this.#opened ??= Promise.withResolvers<void>()).promise;
  }

  #decide(verdict: Verdict): void {
    this.#verdict?.resolve(verdict);
    this.#verdict = undefined;
  }

  #sendNow(data: string | Uint8Array): void {
    const wire = this.#wire!;
    if (wire.unsent <= UNSENT_MAX_BYTES) return wire.send(data);
    this.#warn("sending", new Error(`The peer leaves ${wire.unsent} bytes unread`));
    this.#state = "closing";
    wire.terminate();
  }

  /** Nothing of it stays in the layer. */
  #end(): void {
    this.#unsent = undefined;
    this.#ended = true;
    this.#done?.abort(new SocketGoneError());
    // Whoever hears the signal tidies up by its name.
    this.#channelName = null;
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Does something of the consumer's when its turn comes; what fails closes the socket. */
  #perform(what: string, call: () => unknown): Promise<void> | void {
    return this.#schedule(() => this.#attempt(what, call));
  }

  #attempt(what: string, call: () => unknown): Promise<void> | void {
    try {
      const working = call();
      if (isThenable(working)) return this.#watch(what, working);
    } catch (error) {
      this.#fail(what, error);
    }
  }

  async #watch(what: string, working: PromiseLike<unknown>): Promise<void> {
    const { handlerTimeoutMs = HANDLER_TIMEOUT_MS } = this.#options;
    try {
      const late = `It takes longer than ${handlerTimeoutMs} ms`;
      await (handlerTimeoutMs > TIMER_MAX_MS ? working : inTime(working, handlerTimeoutMs, late));
    } catch (error) {
      this.#fail(what, error);
    }
  }

  #schedule(task: () => Promise<void> | void): Promise<void> | void {
    if (!this.#busy) return this.#run(task);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting ??= [];
    waiting.push(async () => {
      await task();
      resolve();
    });
    if (waiting.length >= WAITING_HIGH_WATER) this.#pause();
    return promise;
  }

  #run(task: () => Promise<void> | void): Promise<void> | void {
    this.#busy = true;
    const working = task();
    if (working !== undefined) return working.then(() => this.#next());
    this.#next();
  }

  #next(): void {
    this.#busy = false;
    const task = this.#waiting?.shift();
    if (task !== undefined) return void this.#run(task);
    this.#waiting = undefined;
    this.#resume();
  }

  #fail(what: string, error: unknown): void {
    // Whoever works for a socket that is gone learns it by this; nothing failed.
    if (this.#state === "closed" && error instanceof SocketGoneError) return;
    this.#warn(what, error);
    if (this.#state === "connecting") return this.refuse(500, "");
    this.close(1011, "");
  }

  #warn(what: string, error: unknown): void {
    const { name } = this.#consumer.constructor;
    const { warn = () => {} } = this.#options;
    // One that throws keeps no socket open. Wrapped here, as every socket has a session.
    unfailing(warn)(`${name} failed at ${what}`, error);
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

/** @throws {RangeError} when no server may close with these, which each runtime tells in its way */
function assertClosing(code: number, reason: string): void {
  if (!CLOSE_CODES.some(([from, to]) => code >= from && code <= to) || !Number.isInteger(code)) {
    throw new RangeError(
      `Cannot close with code ${code}: only 1000 to 1003, 1007 to 1013 and 3000 to 4999 can be sent`,
    );
  }
  const bytes = Buffer.byteLength(reason);
  if (bytes <= CLOSE_REASON_MAX_BYTES) return;
  throw new RangeError(
    `Cannot close with a reason of ${bytes} bytes: at most ${CLOSE_REASON_MAX_BYTES} pass`,
  );
}

// Of the codes of RFC 6455, section 7.4, and IANA's register, those that `ws` and Deno both send.
const CLOSE_CODES = [[1000, 1003], [1007, 1013], [3000, 4999]] as const;
// A control frame has 125 bytes, of which the code takes two (RFC 6455, section 5.5).
const CLOSE_REASON_MAX_BYTES = 123;

/**
 * What ends the wait for a socket that is gone, what its channel's name is refused with, and what its
 * consumer's signal gives as a reason.
 */
class SocketGoneError extends Error {
  override readonly name = "SocketGoneError";

  constructor() {
    super("The socket is closed");
  }
}
