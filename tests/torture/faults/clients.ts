import type { Sql } from "../../../src/db/pool.ts";
import type { SeededRandom } from "../../support/seeded_random.ts";
import type { Participant } from "../participant.ts";
import { delay } from "../delay.ts";
import type { Fault, World } from "../world.ts";

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

/** Two people of a room stop reading while it grows by more than the server keeps for them. */
export const slowReaders: Fault = async ({ database, population }, random) => {
  const room = random.pick(population.rooms);
  const slow = random.shuffle(population.of(room)).slice(0, 2);
  for (const { network } of slow) network.hold();
  const until = performance.now() + SLOW_MS;
  const written = await database.ask((sql) => writeBigTexts(sql, room)).catch(() => 0);
  await delay(until - performance.now());
  for (const { network } of slow) network.resume();
  return `${slow.length} clients of ${room} for ${SLOW_MS} ms, ${written} long messages`;
};

/** Says how many were written until another fault took the server away. */
async function writeBigTexts(sql: Sql, room: string): Promise<number> {
  for (let written = 0; written < BIG_TEXTS; written += BIG_TEXT_BATCH) {
    try {
      await sql`
        select count(*) from append_messages((
          select json_agg(json_build_object(
            'room_id', r.id, 'id', gen_random_uuid(), 'sender_id', gen_random_uuid(),
            'sender_name', 'SQL', 'body', repeat('긴글 ', 2600) || n))
          from rooms r, generate_series(1, ${BIG_TEXT_BATCH}) n where r.key = ${room}))`;
    } catch {
      return written;
    }
  }
  return BIG_TEXTS;
}

function choose({ population }: World, random: SeededRandom, most: number): Participant[] {
  return random.shuffle(population.participants).slice(0, random.whole(1, most));
}
