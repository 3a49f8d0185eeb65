import type { SeededRandom } from "../../support/seeded_random.ts";
import type { Participant } from "../participant.ts";
import { delay, type Fault, type World } from "../world.ts";

/** The networks of some people are reset. */
export const cutClients: Fault = async (world, random) => {
  const some = choose(world, random, 20);
  for (const { network } of some) {
    network.cut();
    await delay(random.whole(0, 50));
  }
  return `${some.length} clients`;
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

const SLOW_MS = 18_000;
const BIG_TEXTS = 500;

/** Two people of a room stop reading while it grows by more than the server keeps for them. */
export const slowReaders: Fault = async ({ database, population }, random) => {
  const room = random.pick(population.rooms);
  const slow = random.shuffle(population.of(room)).slice(0, 2);
  for (const { network } of slow) network.hold();
  const until = performance.now() + SLOW_MS;
  let written = 0;
  try {
    for (; written < BIG_TEXTS; written += 10) {
      await database.ask((sql) =>
        sql`
          select count(*) from append_messages((
            select json_agg(json_build_object(
              'room_id', r.id, 'id', gen_random_uuid(), 'sender_id', gen_random_uuid(),
              'sender_name', 'SQL', 'body', repeat('긴글 ', 2600) || n))
            from rooms r, generate_series(1, 10) n where r.key = ${room}))`
      );
    }
  } catch {
    // Another fault took the server away.
  }
  await delay(until - performance.now());
  for (const { network } of slow) network.resume();
  return `${slow.length} clients of ${room}, ${written} long messages, ${SLOW_MS} ms`;
};

function choose({ population }: World, random: SeededRandom, most: number): Participant[] {
  return random.shuffle(population.participants).slice(0, random.whole(1, most));
}
