import type { Wire } from "./wire.ts";

/** A peer that gives no sign within two of these is dead. */
export const KEEPALIVE_INTERVAL_MS = 30_000;

/**
 * Finds peers that vanished without a word: asks each open socket for a sign of life, and cuts off
 * who gave none since it was asked last. One timer for all sockets of a mount, while there are any.
 */
export class Keepalive {
  /** Each socket, and whether it owes a sign. */
  readonly #wires = new Map<Wire, boolean>();
  readonly #intervalMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Looks after a socket, if it can be asked. */
  add(wire: Wire): void {
    if (wire.ping === undefined) return;
    this.#wires.set(wire, false);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#look(), this.#intervalMs);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Its peer was heard. */
  heard(wire: Wire): void {
    if (this.#wires.has(wire)) this.#wires.set(wire, false);
  }

  remove(wire: Wire): void {
    this.#wires.delete(wire);
    if (this.#wires.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const [wire, owing] of this.#wires) {
      if (owing) wire.terminate();
      else {
        this.#wires.set(wire, true);
        wire.ping!();
      }
    }
  }
}
