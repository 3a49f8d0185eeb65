import { isUnavailable } from "../../../src/db/errors.ts";
import type { SeededRandom } from "../../support/seeded_random.ts";
import type { Participant } from "../participant.ts";
import { delay } from "../delay.ts";
import { type Fault, NotMadeError, type World } from "../world.ts";
import { writeBySql } from "./write_by_sql.ts";

/** The networks of some people are gone for moments. */
export const cutClients: Fault = async (world, random) => {
  const some = choose(world, random, 20);
  const moments = some.map(() => random.whole(0, 3_000));
  await Promise.all(some.map(async ({ network }, n) => {
    network.refuse();
    network.cut();
    await delay(moments[n]!);
    network.resume();
  }));
  return `${some.length} clients for up to ${Math.max(...moments)} ms`;
};

/** The networks of some people go silent: their connections are dead, and nobody is told. */
export const swallowClients: Fault = async (world, random) => {
  const some = choose(world, random, 6);
  const ms = random.whole(2_000, 15_000);
  for (const { network } of some) network.swallow();
  await delay(ms);
  for (const { network } of some) network.resume();
  return `${some.length} clients for ${ms} ms`;
};

/** Some people have no network for a while: in a tunnel, say. */
export const away: Fault = async (world, random) => {
  const some = choose(world, random, 6);
  const ms = random.whole(10_000, 30_000);
  for (const { network } of some) {
    network.refuse();
    network.cut();
  }
  await delay(ms);
  for (const { network } of some) network.resume();
  return `${some.length} clients for ${ms} ms`;
};

const SLOW_MS = 25_000;
// More than the kernel holds of a stream that is not read, and what an instance keeps besides.
const BIG_TEXTS = 1_200;
const BIG_TEXT_BATCH = 25;
const BIG_TEXT = "긴글 ".repeat(2_600);
const WRITE_AGAIN_MS = 500;

/** Two people of a room stop reading while it grows by more than the server keeps for them. */
export const slowReaders: Fault = async (world, random) => {
  const { population } = world;
  const room = random.pick(population.rooms);
  const slow = random.shuffle(population.of(room)).slice(0, 2);
  for (const { network } of slow) network.hold();
  try {
    const until = performance.now() + SLOW_MS;
    const written = await writeBigTexts(world, room, until);
    if (written === 0) throw new NotMadeError(`Cannot write to "${room}": no database`);
    await delay(until - performance.now());
    return `${slow.length} clients of ${room} for ${SLOW_MS} ms, ${written} long messages`;
  } finally {
    for (const { network } of slow) network.resume();
  }
};

/** Writes on whenever the database is there; says how many it stored in the time. */
async function writeBigTexts(world: World, room: string, until: number): Promise<number> {
  let written = 0;
  while (written < BIG_TEXTS && performance.now() < until) {
    try {
      await writeBySql(world, room, Array(BIG_TEXT_BATCH).fill(BIG_TEXT));
      written += BIG_TEXT_BATCH;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      await delay(WRITE_AGAIN_MS);
    }
  }
  return written;
}

function choose({ population }: World, random: SeededRandom, most: number): Participant[] {
  return random.shuffle(population.participants).slice(0, random.whole(1, most));
}
