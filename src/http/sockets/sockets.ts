import { PING_INTERVAL_MS } from "../../protocol/codes.ts";
import { Pacer } from "./pacer.ts";
import type { Transport } from "./transport.ts";

/** One instance holds at most this many sockets. */
export const MAX_SOCKETS = 50_000;
/** More than this unsent … */
export const SLOW_UNSENT_BYTES = 1024 * 1024;
/** … for this long closes a socket with 4508. */
export const SLOW_TIMEOUT_MS = 10_000;
/** More than this unsent closes it at once: memory is everybody's. */
export const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** Silent for this long, a ping unanswered, a connection is dead. */
export const SILENCE_TIMEOUT_MS = 2 * PING_INTERVAL_MS;
/** How long a peer has to answer a close before its connection is cut. */
export const CLOSE_TIMEOUT_MS = 5_000;

const LOOK_INTERVAL_MS = 1_000;
const NEVER = Infinity;

/** The consumer behind a socket, as far as {@linkcode Sockets} has something to tell it. */
export interface SocketHolder {
  /** The peer is gone. */
  leave(): void;
  /** The instance stops: tell the peer to come back, and close. */
  goAway(): void;
  /** The peer does not read: tell it so, and close. */
  tooSlow(): void;
}

/** One socket, as {@linkcode Sockets} has it. */
export interface HeldSocket {
  readonly holder: SocketHolder;
  readonly transport: Transport;
}

/** What is known of its peer; times in ms of `performance.now()`. */
interface Watched extends HeldSocket {
  /** What had been read of it at the last look, in bytes … */
  received: number;
  /** … and when a look first found that. */
  heardAt: number;
  slowSince: number;
  closingSince: number;
  pinged: boolean;
}

/**
 * All sockets of an instance. One timer looks after them: pings who is silent, cuts off who is
 * dead or does not answer a close, closes who does not read. It looks at what the connections have
 * counted, so that a socket needs neither timers nor listeners of its own for that.
 */
export class Sockets implements AsyncDisposable {
  /** Joins the writes of all of them. */
  readonly pacer: Pacer;
  readonly #held = new Set<Watched>();
  readonly #timer: ReturnType<typeof setInterval>;
  #draining = false;

  /** @param defer calls back at the end of the turn */
  constructor(defer: (callback: () => void) => void) {
    this.pacer = new Pacer(defer);
    this.#timer = setInterval(() => this.#look(performance.now()), LOOK_INTERVAL_MS);
  }

  get size(): number {
    return this.#held.size;
  }

  /** Whether one more fits. */
  get full(): boolean {
    return this.#held.size >= MAX_SOCKETS;
  }

  get draining(): boolean {
    return this.#draining;
  }

  hold(holder: SocketHolder, transport: Transport): HeldSocket {
    const socket: Watched = {
      holder,
      transport,
      received: transport.received,
      heardAt: performance.now(),
      slowSince: NEVER,
      closingSince: NEVER,
      pinged: false,
    };
    this.#held.add(socket);
    if (this.#draining) holder.goAway();
    return socket;
  }

  release(socket: HeldSocket): void {
    this.#held.delete(socket as Watched);
  }

  /**
   * Tells all sockets to come back elsewhere, spread over a time, so that the other instances are
   * not overrun; new ones are told at once.
   */
  async drain(overMs: number): Promise<void> {
    this.#draining = true;
    const sockets = [...this.#held];
    const startedAt = performance.now();
    for (const [index, { holder }] of sockets.entries()) {
      const due = startedAt + overMs * index / sockets.length;
      const wait = due - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      holder.goAway();
    }
  }

  // deno-lint-ignore require-await -- disposal is asynchronous by contract
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const { holder, transport } of this.#held) {
      holder.leave();
      transport.terminate();
    }
    this.#held.clear();
    this.pacer[Symbol.dispose]();
  }

  #look(now: number): void {
    for (const socket of this.#held) {
      this.#lookAtSpeed(socket, now);
      this.#lookForLife(socket, now);
      this.#lookForEnd(socket, now);
    }
  }

  #lookForLife(socket: Watched, now: number): void {
    const { received } = socket.transport;
    if (received !== socket.received) {
      socket.received = received;
      socket.heardAt = now;
      socket.pinged = false;
      return;
    }
    const silence = now - socket.heardAt;
    if (silence > SILENCE_TIMEOUT_MS) {
      socket.holder.leave();
      socket.transport.terminate();
      this.#held.delete(socket);
    } else if (silence >= PING_INTERVAL_MS && !socket.pinged) {
      socket.pinged = true;
      socket.transport.ping();
    }
  }

  /** Also after a frame above the limit or broken framing, which `ws` closes with 1009 or 1002. */
  #lookForEnd(socket: Watched, now: number): void {
    if (socket.transport.open) return;
    socket.closingSince = Math.min(socket.closingSince, now);
    if (now - socket.closingSince >= CLOSE_TIMEOUT_MS) socket.transport.terminate();
  }

  #lookAtSpeed(socket: Watched, now: number): void {
    const { unsent } = socket.transport;
    if (unsent <= SLOW_UNSENT_BYTES) {
      socket.slowSince = NEVER;
      return;
    }
    socket.slowSince = Math.min(socket.slowSince, now);
    if (unsent > MAX_UNSENT_BYTES || now - socket.slowSince >= SLOW_TIMEOUT_MS) {
      socket.holder.tooSlow();
    }
  }
}
