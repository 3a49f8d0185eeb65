import { connect } from "../../src/db/pool.ts";
import {
  COUNTING_SETTINGS,
  type DatabaseCounters,
  ratesBetween,
  readDatabaseCounters,
} from "./database_counters.ts";
import { type ListenersResult, measureListeners } from "./listeners.ts";
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

/** What {@linkcode measureScale} found. */
export interface ScaleReport {
  readonly results: readonly ScaleResult[];
  readonly listeners: readonly ListenersResult[];
}

/** Options of {@linkcode measureScale}. */
export interface ScaleOptions {
  /** Measured time of each load. @default 6; 2 in the smoke test */
  readonly seconds: number | undefined;
  /** Length of a message. */
  readonly bytes: number;
  /** A little of everything, to see that it works. */
  readonly smoke: boolean;
}

const FULL = {
  counts: [1, 2, 4, 8],
  loads: [{ rooms: 20, members: 25, rate: 1_000 }, { rooms: 250, members: 2, rate: 2_000 }],
  seconds: 6,
  warmUpSeconds: 2,
  listeners: { counts: [10, 100], statements: 100 },
};
const SMOKE: typeof FULL = {
  counts: [3],
  loads: [{ rooms: 10, members: 4, rate: 100 }],
  seconds: 2,
  warmUpSeconds: 0.5,
  listeners: { counts: [3], statements: 10 },
};

interface LoadOptions {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly bytes: number;
}

/**
 * Runs the same loads with more and more instances on one database, then notifies bare listeners.
 * The members of each room are spread over all instances, so every message has to reach all of them.
 */
export async function measureScale(options: ScaleOptions): Promise<ScaleReport> {
  const settings = options.smoke ? SMOKE : FULL;
  const { warmUpSeconds } = settings;
  const { seconds = settings.seconds, bytes } = options;
  const results: ScaleResult[] = [];
  for (const count of settings.counts) {
    await using servers = await startMaru({
      instances: count,
      settings: COUNTING_SETTINGS,
      seasoned: !options.smoke,
    });
    for (const load of settings.loads) {
      console.log(`${count} instances: ${load.rooms} rooms of ${load.members}, ${load.rate}/s …`);
      results.push(await measureLoad(servers, load, { seconds, warmUpSeconds, bytes }));
    }
  }
  console.log(`${settings.listeners.counts.join(", ")} bare listeners …`);
  return { results, listeners: await measureListeners(settings.listeners) };
}

async function measureLoad(
  servers: MaruServers,
  load: ScaleLoad,
  { seconds, warmUpSeconds, bytes }: LoadOptions,
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
