import { connect } from "../../src/db/pool.ts";
import {
  COUNTING_SETTINGS,
  type DatabaseCounters,
  ratesBetween,
  readDatabaseCounters,
} from "./database_counters.ts";
import { type MaruServers, startMaru } from "./maru_servers.ts";
import { measure, type Measured } from "./measure.ts";

/** A load that stays the same while instances become more. */
export interface ScaleLoad {
  readonly rooms: number;
  readonly members: number;
  /** Messages a second over all rooms. */
  readonly rate: number;
}

/** What one number of instances cost. */
export interface ScaleResult extends Measured {
  readonly load: ScaleLoad;
  readonly count: number;
  /** What the database did, a second. */
  readonly database: DatabaseCounters;
}

/** Options of {@linkcode measureScale}. */
export interface ScaleOptions {
  /** Numbers of instances. */
  readonly counts: readonly number[];
  readonly loads: readonly ScaleLoad[];
  /** Measured time of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Length of a message. */
  readonly bytes: number;
  readonly progress: (line: string) => void;
}

/**
 * Runs the same loads with more and more instances on one database. The members of each room are
 * spread over all of them, so every message has to reach every instance that has a member of it.
 */
export async function measureScale(options: ScaleOptions): Promise<ScaleResult[]> {
  const results: ScaleResult[] = [];
  for (const count of options.counts) {
    await using servers = await startMaru({ instances: count, settings: COUNTING_SETTINGS });
    for (const load of options.loads) {
      const { rooms, members, rate } = load;
      options.progress(`${count} instances: ${rooms} rooms of ${members}, ${rate}/s …`);
      results.push(await measureLoad(servers, load, options));
    }
  }
  return results;
}

async function measureLoad(
  servers: MaruServers,
  load: ScaleLoad,
  { seconds, warmUpSeconds, bytes }: ScaleOptions,
): Promise<ScaleResult> {
  const { rooms: roomCount, members, rate } = load;
  const rooms = Array.from({ length: roomCount }, (_, i) => `scale-${members}-${i}`);
  await servers.createRooms(rooms);
  const sql = connect(servers.databaseUrl, { name: "maru-bench" });
  const readings: { at: number; counters: DatabaseCounters }[] = [];
  try {
    const measured = await measure(servers, {
      rooms,
      members,
      rate,
      seconds,
      warmUpSeconds,
      framing: "v1",
      gapless: true,
      bytes,
    }, {
      onEdge: async () => {
        const at = performance.now();
        readings.push({ at, counters: await readDatabaseCounters(sql) });
      },
    });
    const [before, after] = readings;
    if (after === undefined) throw new Error("The load ended before it was measured");
    const elapsed = (after.at - before!.at) / 1_000;
    const database = ratesBetween(before!.counters, after.counters, elapsed);
    return { ...measured, load, count: servers.ports.length, database };
  } finally {
    await sql.end({ timeout: 1 });
  }
}
