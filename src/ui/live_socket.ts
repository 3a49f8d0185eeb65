import { type ReadonlySignal, signal } from "@preact/signals";
import { Backoff, type Clock, systemClock, type WebSocketConstructor } from "../client/mod.ts";
import { Session } from "../client/session.ts";

/** What a {@linkcode LiveSocket} is made of. */
export interface LiveSocketOptions<Incoming> {
  /** Such as `/ws/admin/tasks/`. */
  readonly path: string;
  /** A frame came. */
  readonly onFrame: (frame: Incoming) => void;
  /** It is lost, before it is tried again. Whoever closes it ends that. */
  readonly onLost?: () => void;
  /** @default {location.origin} */
  readonly origin?: string;
  readonly clock?: Clock;
  readonly WebSocket?: WebSocketConstructor;
  /** Where `online` is heard of. @default globalThis */
  readonly network?: EventTarget;
}

/** How a {@linkcode LiveSocket} stands. */
export type LiveState = "connecting" | "live" | "lost";

/**
 * A socket that is opened again whenever it is lost, for as long as somebody wants it. What is shown
 * comes whole with every opening: nothing is resumed, and what is sent while it is lost is not sent.
 */
export class LiveSocket<Incoming, Outgoing> implements Disposable {
  readonly #options: LiveSocketOptions<Incoming>;
  readonly #clock: Clock;
  readonly #backoff = new Backoff();
  readonly #closing = new AbortController();
  readonly #state = signal<LiveState>("connecting");
  #session: Session<Incoming, Outgoing> | null = null;
  #cancelRetry: (() => void) | null = null;

  /** Opens at once. */
  constructor(options: LiveSocketOptions<Incoming>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { network = globalThis } = options;
    network.addEventListener("online", () => this.wake(), { signal: this.#closing.signal });
    this.#connect();
  }

  /** How it stands; `live` from the first frame on. */
  get state(): ReadonlySignal<LiveState> {
    return this.#state;
  }

  /** Sends a frame; `false` when it cannot now. */
  send(frame: Outgoing): boolean {
    if (this.#state.value !== "live") return false;
    this.#session?.send(frame);
    return true;
  }

  /** Tries again at once, or looks whether the open one lives. */
  wake(): void {
    if (this.#cancelRetry) this.#connect();
    else this.#session?.check();
  }

  /** Ends it. */
  close(): void {
    this.#closing.abort();
    this.#cancelRetry?.();
    this.#session?.close();
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #connect(): void {
    if (this.#closing.signal.aborted) return;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const { path, onFrame, origin = location.origin } = this.#options;
    const handlers = {
      frame: (frame: Incoming) => {
        this.#backoff.reset();
        this.#state.value = "live";
        onFrame(frame);
      },
      end: () => this.#lost(),
    };
    this.#session = new Session(origin.replace(/^http/, "ws") + path, handlers, {
      clock: this.#clock,
      WebSocket: this.#options.WebSocket ?? globalThis.WebSocket,
    });
  }

  #lost(): void {
    this.#session = null;
    this.#state.value = "lost";
    this.#cancelRetry = this.#clock.after(this.#backoff.next(), () => this.#connect());
    this.#options.onLost?.();
    if (this.#closing.signal.aborted) this.#cancelRetry();
  }
}
