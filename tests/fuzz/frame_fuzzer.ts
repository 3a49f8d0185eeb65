import type { SeededRandom } from "../support/seeded_random.ts";
import { endingCase } from "./ending_cases.ts";
import type { Expected, FrameCase } from "./frame_case.ts";
import { ongoingCase } from "./ongoing_cases.ts";
import type { Outcome } from "./outcome.ts";
import { type Answers, RawSocket } from "./raw_socket.ts";

/** What a fuzzer works on. */
export interface FuzzTarget {
  readonly port: number;
  readonly room: string;
  readonly outcome: Outcome;
  readonly random: SeededRandom;
}

const BATCH_MAX = 40;
/** Longer without an answer is a hang: messages wait for at most ten seconds. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Sends so many frames in one room: sockets one after the other, each with a few good and bad.
 *
 * @throws {Error} when there is no answer: to wait for each of so many would be a hang of the run
 */
export async function fuzzFrames(target: FuzzTarget, frames: number): Promise<void> {
  const { random } = target;
  for (let left = frames; left > 0;) {
    const cases = Array.from({ length: random.whole(0, BATCH_MAX) }, () => ongoingCase(random));
    const last = endingCase(random);
    await fuzzSocket(target, cases, last);
    left -= cases.length + 1;
  }
}

/** One socket: a batch after which it goes on, with all its answers, then what may end it. */
async function fuzzSocket(
  { port, room, outcome }: FuzzTarget,
  cases: readonly FrameCase[],
  last: FrameCase,
): Promise<void> {
  await using socket = await RawSocket.open(port, room);
  for (const { name, bytes } of cases) {
    outcome.count(name);
    await socket.write(bytes);
  }
  const expected = sum(cases.map((one) => one.expected));
  if (!await socket.until((answers) => enough(answers, expected), ANSWER_TIMEOUT_MS)) {
    throw new Error(
      `no answer to some frames: ${difference(socket, expected)} to ${names(cases)}`,
    );
  }
  if (!same(socket.answers, expected)) {
    return outcome.fail(`wrong answers: ${difference(socket, expected)} to ${names(cases)}`);
  }
  outcome.count(last.name);
  await socket.write(last.bytes);
  if (!last.expected.leaves) await checkLast(socket, last, expected, outcome);
}

async function checkLast(
  socket: RawSocket,
  { name, expected }: FrameCase,
  before: Totals,
  outcome: Outcome,
): Promise<void> {
  const closes = expected.closes;
  const done = (answers: Answers) =>
    answers.closed !== null || (closes === undefined && count(answers) > count(before));
  if (!await socket.until(done, ANSWER_TIMEOUT_MS)) throw new Error(`no answer to ${name}`);
  if (closes === undefined) return;
  const { closed, errors } = socket.answers;
  if (!closes.includes(closed!)) outcome.fail(`${name}: closed with ${closed}, not ${closes}`);
  const codes = socket.answers.codes.slice(before.errors);
  const wanted = expected.errors ?? [];
  if (errors - before.errors !== wanted.length || codes.join() !== wanted.join()) {
    outcome.fail(`${name}: errors ${codes}, not ${wanted}`);
  }
}

interface Totals {
  readonly acks: number;
  readonly pongs: number;
  readonly errors: number;
  readonly codes: readonly string[];
}

function sum(expected: readonly Expected[]): Totals {
  const codes = expected.flatMap(({ errors = [] }) => errors);
  return {
    acks: expected.reduce((all, { acks = 0 }) => all + acks, 0),
    pongs: expected.reduce((all, { pongs = 0 }) => all + pongs, 0),
    errors: codes.length,
    codes,
  };
}

function enough(answers: Answers, expected: Totals): boolean {
  return count(answers) >= count(expected);
}

function count({ acks, pongs, errors }: Pick<Totals, "acks" | "pongs" | "errors">): number {
  return acks + pongs + errors;
}

/** Errors found while storing come later than those found while reading: any order will do. */
function same(answers: Answers, expected: Totals): boolean {
  return answers.closed === null && answers.acks === expected.acks &&
    answers.pongs === expected.pongs &&
    answers.codes.toSorted().join() === expected.codes.toSorted().join();
}

function difference({ answers }: RawSocket, expected: Totals): string {
  return `expected ${JSON.stringify(expected)}, got ${JSON.stringify(answers)}`;
}

function names(cases: readonly FrameCase[]): string {
  return [...new Set(cases.map(({ name }) => name))].join(", ");
}
