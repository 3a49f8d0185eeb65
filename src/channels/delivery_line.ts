import { setImmediate } from "node:timers";
import { TURN_MESSAGES } from "./mailbox.ts";
import type { Message } from "./message.ts";

/**
 * Group messages on their way to the own members, one at a time: what a handler causes is behind
 * what is under way, so the order is the same for every member.
 */
export class DeliveryLine {
  readonly #deliver: (group: string, message: Message) => void;
  #line: (readonly [group: string, message: Message])[] = [];
  /** So many of the line, from its front, are delivered or under way. */
  #begun = 0;
  #delivering = false;

  constructor(deliver: (group: string, message: Message) => void) {
    this.#deliver = deliver;
  }

  /** Delivers at once, or when its turn comes. */
  push(group: string, message: Message): void {
    this.#line.push([group, message]);
    if (!this.#delivering) this.#deliverWaiting();
  }

  /** Drops what waits. Handlers do so, too: what they push afterwards is the line then. */
  clear(): void {
    this.#line = [];
    this.#begun = 0;
  }

  #deliverWaiting(): void {
    this.#delivering = true;
    try {
      for (let n = 0; n < TURN_MESSAGES && this.#begun < this.#line.length; n++) {
        this.#deliver(...this.#line[this.#begun++]!);
      }
    } finally {
      this.#delivering = this.#begun < this.#line.length;
      if (this.#delivering) {
        this.#line.splice(0, this.#begun);
        this.#begun = 0;
        setImmediate(() => this.#deliverWaiting());
      } else this.clear();
    }
  }
}
