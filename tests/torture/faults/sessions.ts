import { isUnavailable } from "../../../src/db/errors.ts";
import { connect } from "../../../src/db/pool.ts";
import type { Database } from "../database.ts";
import { delay } from "../delay.ts";
import { type Fault, NotMadeError } from "../world.ts";
import { writeBySql } from "./write_by_sql.ts";

export const endListeners: Fault = ({ database }) => end(database, "maru-listener");
export const endWriters: Fault = ({ database }) => end(database, "maru-writer");
export const endAll: Fault = ({ database }) => end(database, "maru-%");

async function end(database: Database, name: string): Promise<string> {
  const rows = await database.ask((sql) =>
    sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name like ${name}`
  );
  // The server has only just come back.
  if (rows.length === 0) throw new NotMadeError(`Cannot end "${name}": nobody is connected`);
  return `${rows.length} connections ended`;
}

const LOCK_MS = 20_000;

/** Somebody has a transaction open in psql that changed a room. */
export const lockRoom: Fault = async ({ database, population }, random) => {
  const room = random.pick(population.rooms);
  const psql = connect(database.url, { name: "psql" });
  let lockedAt = 0;
  try {
    await psql.begin(async (tx) => {
      await tx`update rooms set name = name where key = ${room}`;
      lockedAt = performance.now();
      await delay(LOCK_MS);
    });
    return `${room} for ${LOCK_MS} ms`;
  } catch (error) {
    if (lockedAt === 0 || !isUnavailable(error)) throw error;
    const ms = Math.round(performance.now() - lockedAt);
    throw new NotMadeError(`${room} only for ${ms} ms: another fault took the server away`);
  } finally {
    await psql.end({ timeout: 1 });
  }
};

const FLOOD = 700;
const FLOOD_BATCH = 100;

/** A program writes more to a room by SQL than a client may be behind. */
export const floodRoom: Fault = async (world, random) => {
  const room = random.pick(world.population.rooms);
  for (let n = 0; n < FLOOD; n += FLOOD_BATCH) {
    await writeBySql(world, room, Array(FLOOD_BATCH).fill("flood"));
  }
  return `${FLOOD} messages in ${room}`;
};
