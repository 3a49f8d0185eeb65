import { connect } from "../../src/db/pool.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { check, type Violation } from "./checker.ts";
import { Cluster } from "./cluster.ts";
import { Database } from "./database.ts";
import { OVERLOAD_ROOM } from "./faults/overload.ts";
import { runLane } from "./lane.ts";
import { digest } from "./participant.ts";
import { Population, ROOMS } from "./population.ts";
import type { RunRecord, Shown } from "./record.ts";
import { compare, measure, type Resources } from "./resources.ts";
import { type FaultName, type Lane, LANES, planFaults, QUIET_MS } from "./schedule.ts";
import { FaultTally } from "./tally.ts";
import { GIVING_BACK } from "../support/memory.ts";
import { delay } from "./delay.ts";
import type { World } from "./world.ts";

/** How to run. */
export interface RunOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Makes this one fault only. */
  readonly only?: FaultName | undefined;
  /** Told of each fault as it ends. */
  readonly onFault: (line: string) => void;
}

/** What came of a run. */
export interface RunResult {
  readonly violations: readonly Violation[];
  readonly record: RunRecord;
  readonly counts: Readonly<Record<string, number>>;
  /** How many of each fault were made, in lines for people. */
  readonly faults: readonly string[];
  readonly before: Resources;
  readonly after: Resources;
  /** What clients were told: close codes, errors, resets. */
  readonly told: ReadonlyMap<string, number>;
  readonly logged: ReadonlyMap<string, number>;
  readonly logs: string;
}

export const INSTANCES = 3;

const SETTLE_TIMEOUT_MS = 120_000;
const SETTLE_POLL_MS = 500;
// Idle connections and closed sockets need a moment; V8 collects the garbage of a busy time, and
// gives its pages back, in steps of some seconds once it is quiet.
const CALM_MS = 15_000;
const CALM_MAX_MS = 90_000;
const CALM_POLL_MS = 5_000;
// Twelve rooms on three instances are hardly ever all swept within this.
const AT_ONCE_MS = 2_000;
const AT_ONCE_ATTEMPTS = 5;
const AT_ONCE_POLL_MS = 50;
const MINUTE_MS = 60_000;

/** Builds the world, lets everything happen to it, and holds what is left against the promises. */
export async function runTorture(options: RunOptions): Promise<RunResult> {
  const { minutes, seed } = options;
  await using database = await Database.start();
  await using cluster = new Cluster(INSTANCES, () => database.port, GIVING_BACK);
  await Promise.all(cluster.members.map((member) => cluster.start(member)));
  const rooms = Array.from({ length: ROOMS }, (_, n) => `room-${n}`);
  await createRooms(database, [...rooms, OVERLOAD_ROOM]);
  const random = new SeededRandom(seed);
  await using population = await Population.enter(rooms, cluster.ports, random);
  const world: World = { database, cluster, population, written: [] };
  const harness: Violation[] = [];
  const faults = new FaultTally();

  const startedAt = performance.now();
  const endsAt = startedAt + minutes * MINUTE_MS;
  population.talk();
  await delay(QUIET_MS);
  const before = await measure(cluster, database);
  const plan = planFaults(seed, minutes, { only: options.only });
  await Promise.all(
    (Object.keys(LANES) as Lane[]).map((lane) =>
      runLane(plan.filter((planned) => planned.lane === lane), world, {
        startedAt,
        endsAt,
        tell: ({ planned: { fault }, outcome, line }) => {
          options.onFault(line);
          if (outcome === "made") faults.made(fault);
          else faults.notMade(fault);
          if (outcome === "failed") harness.push({ rule: "the harness works", detail: line });
        },
      })
    ),
  );
  await delay(endsAt - performance.now());

  population.hush();
  const talkedMs = performance.now() - startedAt;
  const settledMs = await settle(world);
  const after = await calmDown(world, before);
  if (settledMs !== null) harness.push(...await hearAtOnce(world));
  // What a socket that is drained is told: docs/protocol.md.
  if (faults.has("drain", "rolling restart") && !population.told.has("close 4501")) {
    harness.push({ rule: "whoever is drained is told", detail: "no socket was closed with 4501" });
  }
  const record = { ...await takeRecord(world), talkedMs, settledMs };
  const processes = cluster.report();
  return {
    violations: [
      ...harness,
      ...faults.violations(minutes, options.only),
      ...processes.faults.map((detail) => ({ rule: "instances live, start and end", detail })),
      ...processes.errors.map((detail) => ({ rule: "instances log no error", detail })),
      ...check(record),
      ...compare(before, after, INSTANCES),
    ],
    record,
    counts: count(record, population.said, plan.length),
    faults: faults.lines(),
    before,
    after,
    told: population.told,
    logged: processes.logged,
    logs: cluster.logs(),
  };
}

async function createRooms(database: Database, rooms: readonly string[]): Promise<void> {
  await database.ask((sql) =>
    sql`
      insert into rooms (name, key)
      select n, n from json_array_elements_text(${JSON.stringify(rooms)}::text::json) n`
  );
}

/** Waits until everybody is connected, has said everything and shows the newest message. */
async function settle(
  { database, population }: World,
  pollMs = SETTLE_POLL_MS,
): Promise<number | null> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < SETTLE_TIMEOUT_MS) {
    const rows = await database.ask((sql) =>
      sql<{ key: string; last_seq: number }[]>`select key, last_seq from rooms`
    );
    const heads = new Map(rows.map(({ key, last_seq }) => [key, last_seq]));
    const settled = population.participants.every((one) =>
      one.settled && one.lastSeq === heads.get(one.room)
    );
    if (settled) return Math.round(performance.now() - startedAt);
    await delay(pollMs);
  }
  return null;
}

/**
 * After all that, notifications carry messages between the instances again: where only the sweep
 * finds them, every five seconds, one of so many rooms and people waits for longer than this.
 */
async function hearAtOnce(world: World): Promise<Violation[]> {
  let fastestMs = Infinity;
  for (let attempt = 0; attempt < AT_ONCE_ATTEMPTS && fastestMs > AT_ONCE_MS; attempt++) {
    for (const room of world.population.rooms) {
      world.population.of(room)[0]!.say(`last words ${attempt} ${crypto.randomUUID()}`);
    }
    fastestMs = Math.min(fastestMs, await settle(world, AT_ONCE_POLL_MS) ?? Infinity);
  }
  const rule = "messages travel at once";
  return fastestMs <= AT_ONCE_MS ? [] : [{ rule, detail: `at best after ${fastestMs} ms` }];
}

/** What the instances hold once it is what they held before, or after a while. */
async function calmDown({ cluster, database }: World, before: Resources): Promise<Resources> {
  const startedAt = performance.now();
  await delay(CALM_MS);
  for (;;) {
    const after = await measure(cluster, database);
    const isBack = compare(before, after, INSTANCES).length === 0;
    if (isBack || performance.now() - startedAt > CALM_MAX_MS) return after;
    await delay(CALM_POLL_MS);
  }
}

async function takeRecord({ database, population, written }: World) {
  const stored = new Map<string, Shown[]>(population.rooms.map((room) => [room, []]));
  const sql = connect(database.url, { name: "torture" });
  try {
    const rows = sql<{ key: string; seq: number; id: string; body: string; sender: string }[]>`
      select r.key, m.seq, m.id, m.body, m.sender_name as sender from messages m join rooms r on r.id = m.room_id
      order by r.key, m.seq`;
    for await (const page of rows.cursor(2_000)) {
      for (const { key, seq, id, body, sender } of page) {
        stored.get(key)?.push({ seq, id, text: digest(body), sender });
      }
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
  const clients = population.participants.map((one) => one.record());
  return { stored, clients, written, losses: database.losses };
}

function count(record: RunRecord, said: number, faults: number): Record<string, number> {
  const events = record.clients.flatMap((client) => client.events);
  const of = (kind: string) => events.filter((event) => event.kind === kind).length;
  return {
    "faults planned": faults,
    "histories lost": record.losses.length,
    "messages said": said,
    stored: [...record.stored.values()].reduce((sum, messages) => sum + messages.length, 0),
    acknowledgements: of("acked"),
    "shown live": of("shown"),
    resets: of("reset"),
    "histories loaded": of("loaded"),
  };
}
