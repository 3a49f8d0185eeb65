import type { SeededRandom } from "../support/seeded_random.ts";
import { Participant } from "./participant.ts";

export const ROOMS = 12;
export const CLIENTS = 60;

const SAY_EVERY_MS = 1_500;
const LONG_TEXT_SHARE = 0.01;
/** So many are posted by HTTP instead of the socket. */
const POSTED_SHARE = 0.05;

/** Everybody who chats in a run: five people in each of twelve rooms, all talking steadily. */
export class Population implements AsyncDisposable {
  readonly participants: readonly Participant[];
  readonly rooms: readonly string[];
  readonly #random: SeededRandom;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #said = 0;

  private constructor(participants: Participant[], rooms: string[], random: SeededRandom) {
    this.participants = participants;
    this.rooms = rooms;
    this.#random = random;
  }

  /** Everybody enters; the rooms are there already. */
  static async enter(
    rooms: string[],
    ports: () => readonly number[],
    random: SeededRandom,
  ): Promise<Population> {
    const participants: Participant[] = [];
    for (let n = 0; n < CLIENTS; n++) {
      participants.push(await Participant.join(`p${n}`, rooms[n % rooms.length]!, ports));
    }
    return new Population(participants, rooms, random);
  }

  /** How many messages were begun. */
  get said(): number {
    return this.#said;
  }

  /** What the servers told everybody, in close codes and errors. */
  get told(): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    for (const { told } of this.participants) {
      for (const [what, n] of told) all.set(what, (all.get(what) ?? 0) + n);
    }
    return all;
  }

  /** Those in one room. */
  of(room: string): Participant[] {
    return this.participants.filter((one) => one.room === room);
  }

  /** Everybody begins to talk, each in their own rhythm. */
  talk(): void {
    for (const participant of this.participants) this.#next(participant, 1);
  }

  /** Nobody says anything more. */
  hush(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hush();
    await Promise.all(this.participants.map((one) => one[Symbol.asyncDispose]()));
  }

  #next(participant: Participant, n: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const text = this.#text(participant, n);
      if (this.#random.next() < POSTED_SHARE) void participant.post(text);
      else participant.say(text);
      this.#said++;
      this.#next(participant, n + 1);
    }, SAY_EVERY_MS * (0.5 + this.#random.next()));
    this.#timers.add(timer);
  }

  #text({ name }: Participant, n: number): string {
    if (this.#random.next() >= LONG_TEXT_SHARE) return `${name} ${n} 안녕하세요`;
    // Too long for a notification: the other instances read it from the log.
    return `${name} ${n} ${"마루 ".repeat(this.#random.whole(1_000, 2_600))}끝`;
  }
}
