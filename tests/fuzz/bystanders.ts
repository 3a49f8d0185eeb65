import { type Frame, RoomClient } from "../support/room_client.ts";
import type { Outcome } from "./outcome.ts";

const PAUSE_MS = 50;
const ARRIVAL_TIMEOUT_MS = 15_000;

/**
 * Two people who chat through it all: what one says, the other hears, each time, before anything
 * else is said.
 */
export class Bystanders implements AsyncDisposable {
  readonly #people: readonly RoomClient[];
  readonly #outcome: Outcome;
  readonly #talking: Promise<void>;
  #stopped = false;
  #said = 0;
  #slowestMs = 0;

  private constructor(people: readonly RoomClient[], outcome: Outcome) {
    this.#people = people;
    this.#outcome = outcome;
    this.#talking = this.#talk();
  }

  static async enter(wsOrigin: string, room: string, outcome: Outcome): Promise<Bystanders> {
    const people = [await RoomClient.open(wsOrigin, room), await RoomClient.open(wsOrigin, room)];
    return new Bystanders(people, outcome);
  }

  /** How many messages were said and heard, and how long the slowest took. */
  get summary(): string {
    return `${this.#said} messages, the slowest after ${Math.round(this.#slowestMs)} ms`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#talking;
    for (const [n, { messages }] of this.#people.entries()) {
      const seqs = messages.map((message: Frame) => message.seq);
      if (seqs.length !== this.#said || seqs.some((seq: number, i: number) => seq !== i + 1)) {
        this.#outcome.fail(`bystander ${n} heard ${seqs.length} of ${this.#said}, or out of order`);
      }
    }
    for (const person of this.#people) await person[Symbol.asyncDispose]();
  }

  async #talk(): Promise<void> {
    while (!this.#stopped) {
      const [speaker, hearer] = this.#said % 2 === 0 ? this.#people : this.#people.toReversed();
      const text = `number ${++this.#said}`;
      const startedAt = performance.now();
      speaker!.say(text);
      const heard = () => this.#people.every(({ messages }) => messages.length >= this.#said);
      while (!heard()) {
        if (performance.now() - startedAt > ARRIVAL_TIMEOUT_MS) {
          return this.#outcome.fail(`bystanders: "${text}" did not arrive`);
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      if (hearer!.messages.at(-1).message !== text) {
        return this.#outcome.fail(`bystanders: heard another text than "${text}"`);
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
