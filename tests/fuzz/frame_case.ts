import type { SeededRandom } from "../support/seeded_random.ts";

/** Something to send on a socket, and what has to come of it. */
export interface FrameCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: Expected;
}

/** The answers to one case. */
export interface Expected {
  readonly acks?: number;
  readonly pongs?: number;
  /** Codes of the errors. */
  readonly errors?: readonly string[];
  /** The socket ends with one of these close codes; 0: without any. */
  readonly closes?: readonly number[];
  /** Nobody can say which, but there is one: an ack, a pong, an error or an end. */
  readonly any?: boolean;
  /** The client goes at once, and waits for nothing. */
  readonly leaves?: boolean;
}

/** Makes a case of one kind. */
export type Make = (random: SeededRandom) => FrameCase;
