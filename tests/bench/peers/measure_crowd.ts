import { killOnAbort, lines } from "../measure.ts";
import { collectGarbage, type Servers } from "../servers.ts";
import type { CrowdResult, IdlePlan, IdleResult, ReturnPlan, ReturnResult } from "./crowd.ts";

/** What an idle crowd costs. */
export interface IdleMeasured extends IdleResult {
  /** Resident memory of the servers, the broker included, in bytes; after a garbage collection … */
  readonly bytesPerConnection: number;
  /** … and before it, with what the entering has left. */
  readonly bytesAtOnce: number;
  readonly connectionsPerSecond: number;
}

/** Options of {@linkcode measureIdle} and {@linkcode measureReturn}. */
export interface MeasureCrowdOptions {
  readonly signal: AbortSignal;
}

/** What a crowd costs that comes back at once. */
export interface ReturnMeasured extends ReturnResult {
  /** Of all servers, from when they set out until the last had all, in µs a client. */
  readonly cpuPerClient: number;
}

const TIMEOUT_MS = 180_000;

export async function measureIdle(
  servers: Servers,
  plan: Omit<IdlePlan, "task" | "ports">,
  { signal }: MeasureCrowdOptions,
): Promise<IdleMeasured> {
  let [before, atOnce, after] = [0, 0, 0];
  const result = await runCrowd({ ...plan, task: "idle", ports: servers.ports }, signal, {
    baseline: async () => {
      await collectGarbage(servers);
      before = await residentBytes(servers.pids);
    },
    idle: async () => {
      atOnce = await residentBytes(servers.pids);
      await collectGarbage(servers);
      after = await residentBytes(servers.pids);
    },
  }) as IdleResult;
  return {
    ...result,
    bytesPerConnection: (after - before) / result.entered,
    bytesAtOnce: (atOnce - before) / result.entered,
    connectionsPerSecond: result.entered / result.seconds,
  };
}

export async function measureReturn(
  servers: Servers,
  plan: Omit<ReturnPlan, "task" | "ports">,
  { signal }: MeasureCrowdOptions,
): Promise<ReturnMeasured> {
  const read = async () => Object.values(await servers.cpu()).reduce((sum, ms) => sum + ms, 0);
  let [before, after] = [0, 0];
  const result = await runCrowd({ ...plan, task: "return", ports: servers.ports }, signal, {
    measuring: async () => before = await read(),
    measured: async () => after = await read(),
  }) as ReturnResult;
  return { ...result, cpuPerClient: (after - before) * 1_000 / result.clients };
}

/** Runs the crowd in a process of its own; it goes on when a stage's callback is done. */
async function runCrowd(
  plan: IdlePlan | ReturnPlan,
  signal: AbortSignal,
  stages: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<CrowdResult> {
  const crowd = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", "tests/bench/peers/crowd.ts", JSON.stringify(plan)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  using _killing = killOnAbort(crowd, AbortSignal.any([signal, timeout]));
  const stdin = crowd.stdin.getWriter();
  let result: CrowdResult | null = null;
  for await (const line of lines(crowd.stdout)) {
    if (line.startsWith("{")) {
      result = JSON.parse(line) as CrowdResult;
      continue;
    }
    await stages[line]?.();
    await stdin.write(new TextEncoder().encode("\n"));
  }
  await crowd.status;
  await stdin.close().catch(() => {});
  signal.throwIfAborted();
  timeout.throwIfAborted();
  if (result === null) throw new Error("The crowd ended without a result");
  return result;
}

async function residentBytes(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(pids.map(async (pid) => {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
