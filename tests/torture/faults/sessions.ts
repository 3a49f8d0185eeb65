import { connect } from "../../../src/db/pool.ts";
import type { Database } from "../database.ts";
import { delay } from "../delay.ts";
import type { Fault } from "../world.ts";

export const endListeners: Fault = ({ database }) => end(database, "maru-listener");
export const endWriters: Fault = ({ database }) => end(database, "maru-writer");
export const endAll: Fault = ({ database }) => end(database, "maru-%");

async function end(database: Database, name: string): Promise<string> {
  const rows = await database.ask((sql) =>
    sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name like ${name}`
  );
  return `${rows.length} connections ended`;
}

const LOCK_MS = 20_000;

/** Somebody has a transaction open in psql that changed a room. */
export const lockRoom: Fault = async ({ database, population }, random) => {
  const room = random.pick(population.rooms);
  const psql = connect(database.url, { name: "psql" });
  try {
    await psql.begin(async (tx) => {
      await tx`update rooms set name = name where key = ${room}`;
      await delay(LOCK_MS);
    });
    return `${room} for ${LOCK_MS} ms`;
  } catch (error) {
    // Another fault took the server away.
    return `${room}, until the connection was lost (${(error as Error).message})`;
  } finally {
    await psql.end({ timeout: 1 });
  }
};

const FLOOD = 700;
const FLOOD_BATCH = 100;

/** A program writes more to a room by SQL than a client may be behind. */
export const floodRoom: Fault = async ({ database, population }, random) => {
  const room = random.pick(population.rooms);
  await database.ask(async (sql) => {
    for (let n = 0; n < FLOOD; n += FLOOD_BATCH) {
      await sql`
        select count(*) from append_messages((
          select json_agg(json_build_object(
            'room_id', r.id, 'id', gen_random_uuid(), 'sender_id', gen_random_uuid(),
            'sender_name', 'SQL', 'body', 'flood ' || n))
          from rooms r, generate_series(1, ${FLOOD_BATCH}) n where r.key = ${room}))`;
    }
  });
  return `${FLOOD} messages in ${room}`;
};
