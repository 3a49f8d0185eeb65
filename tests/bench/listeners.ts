import { cpuUsage } from "node:process";
import { Seal, SEALED_MAX_BYTES } from "../../src/channels/postgres/seal.ts";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";
import { newInstanceName } from "../../src/channels/instance_name.ts";
import { connect, type Sql } from "../../src/db/pool.ts";
import { threadCpuMs } from "./cpu.ts";
import { COUNTING_SETTINGS } from "./database_counters.ts";
import { startBenchPostgres } from "./servers.ts";

/** What one notification costs with so many listeners, in µs of CPU. */
export interface ListenersResult {
  readonly listeners: number;
  /** Of the payload, as NOTIFY carries it. */
  readonly payloadBytes: number;
  /** Of the backend of each listener. */
  readonly listenerUs: number;
  /** Of the backend that notifies. */
  readonly notifierUs: number;
  /** Of a process that hears and opens it. */
  readonly hearingUs: number;
  readonly allHeard: boolean;
}

/** Options of {@linkcode measureListeners}. */
export interface ListenersOptions {
  /** Numbers of listeners. */
  readonly counts: readonly number[];
  /** How often they are notified. */
  readonly statements: number;
}

// A short message, and as many as go into one payload.
const SIZES = [200, SEALED_MAX_BYTES];
const PAUSE_MS = 10;
const HEAR_TIMEOUT_MS = 5_000;
const CHANNEL = "bench_listeners";

/** Notifies listeners that only open what they hear: one payload a statement, sealed as the bus does. */
export async function measureListeners(options: ListenersOptions): Promise<ListenersResult[]> {
  await using postgres = await startBenchPostgres({ settings: COUNTING_SETTINGS, seasoned: false });
  const results: ListenersResult[] = [];
  for (const listeners of options.counts) {
    for (const bytes of SIZES) {
      results.push(await notifyAll(postgres.url, bytes, { listeners, ...options }));
    }
  }
  return results;
}

interface NotifyOptions {
  readonly listeners: number;
  readonly statements: number;
}

async function notifyAll(
  url: string,
  bytes: number,
  { listeners: count, statements }: NotifyOptions,
): Promise<ListenersResult> {
  const keys = [{ id: 1, secret: crypto.getRandomValues(new Uint8Array(32)) }];
  const [sender, receiver] = [newSeal(keys), newSeal(keys)];
  const text = crypto.getRandomValues(new Uint8Array(bytes));
  let heard = 0;
  const listeners = Array.from({ length: count }, () => connect(url, { name: "bench-listener" }));
  const notifier = connect(url, { name: "bench-notifier" });
  try {
    for (const sql of listeners) {
      await sql.listen(CHANNEL, (payload) => {
        if (typeof receiver.open(payload) === "object") heard++;
      });
    }
    const payloadBytes = sender.seal(text).length;
    await notifier`select pg_notify(${CHANNEL}, ${sender.seal(text)})`;
    await until(() => heard === count);
    const before = await backendCpuMs(notifier);
    const ownBefore = cpuUsage();
    for (let i = 0; i < statements; i++) {
      await notifier`select pg_notify(${CHANNEL}, ${sender.seal(text)})`;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    const wanted = (statements + 1) * count;
    await until(() => heard === wanted);
    const { user, system } = cpuUsage(ownBefore);
    const after = await backendCpuMs(notifier);
    const each = (name: keyof typeof after, of: number) => (after[name] - before[name]) * 1000 / of;
    return {
      listeners: count,
      payloadBytes,
      listenerUs: each("bench-listener", statements * count),
      notifierUs: each("bench-notifier", statements),
      hearingUs: (user + system) / (statements * count),
      allHeard: heard === wanted,
    };
  } finally {
    await Promise.all([notifier, ...listeners].map((sql) => sql.end({ timeout: 1 })));
  }
}

function newSeal(keys: Parameters<Seal["setKeys"]>[0]): Seal {
  const seal = new Seal(newInstanceName(), new ServerClock());
  seal.setKeys(keys);
  return seal;
}

async function backendCpuMs(
  sql: Sql,
): Promise<Record<"bench-listener" | "bench-notifier", number>> {
  const backends = await sql<{ pid: number; name: "bench-listener" | "bench-notifier" }[]>`
    select pid, application_name as name from pg_stat_activity
    where application_name like 'bench-%'`;
  const sums = { "bench-listener": 0, "bench-notifier": 0 };
  for (const { pid, name } of backends) sums[name] += await threadCpuMs(pid);
  return sums;
}

async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + HEAR_TIMEOUT_MS;
  while (!done() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
