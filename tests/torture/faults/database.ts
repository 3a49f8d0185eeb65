import { connect } from "../../../src/db/pool.ts";
import { delay } from "../delay.ts";
import type { Fault } from "../world.ts";

/** Connections are ended first. */
export const stopFast: Fault = async ({ database }, random) => {
  const ms = random.whole(500, 5_000);
  await database.stopFor("fast", ms);
  return `down for ${ms} ms`;
};

/** Like a crash. */
export const stopImmediate: Fault = async ({ database }, random) => {
  const ms = random.whole(0, 4_000);
  await database.stopFor("immediate", ms);
  return `down for ${ms} ms`;
};

/** Longer than any message may wait. */
export const longOutage: Fault = async ({ database }, random) => {
  const ms = random.whole(13_000, 18_000);
  await database.stopFor(random.pick(["fast", "immediate"]), ms);
  return `down for ${ms} ms`;
};

/** A backup is restored under the running instances, and some time later the operator says so. */
export const putBack: Fault = async ({ database }, random) => {
  const copy = await database.copy();
  const age = random.whole(3_000, 8_000);
  await delay(age);
  await database.putBack(copy);
  const silence = random.whole(0, 3_000);
  await delay(silence);
  await database.beginNewHistory();
  return `to ${age} ms earlier, said so ${silence} ms after`;
};

/** The primary is lost, with what the standby has not heard. */
export const failOver: Fault = async ({ database }, random) => {
  const ms = random.whole(500, 2_000);
  await database.failOver(ms);
  return `without the last ${ms} ms`;
};

/** As many as the server has slots. */
const HOARDERS = 80;
const HOARD_RETRY_MS = 50;

/** Somebody else takes every connection that the server has, while the instances need new ones. */
export const fillUp: Fault = async ({ database }, random) => {
  const ms = random.whole(4_000, 8_000);
  const { url } = database;
  return await database.ask(async (sql) => {
    await sql`select 1`;
    const until = performance.now() + ms;
    const hoard = Array.from({ length: HOARDERS }, () => holdSlot(url, until));
    await delay(500);
    const { length } = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'maru-%'`;
    await Promise.all(hoard);
    return `no free slot for ${ms} ms, ${length} connections ended`;
  });
};

async function holdSlot(url: string, until: number): Promise<void> {
  for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
    const sql = connect(url, { name: "torture-hoard" });
    try {
      await sql`select pg_sleep(${left / 1000})`;
    } catch {
      await delay(HOARD_RETRY_MS);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}
