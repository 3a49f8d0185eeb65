import type { LoadPlan, LoadResult } from "./load.ts";
import type { CpuMs, Servers } from "./servers.ts";

/** What a load found, and the CPU that it cost, in µs a delivery. */
export interface Measured {
  readonly result: LoadResult;
  readonly instances: number;
  readonly postgres: number;
  readonly broker: number;
  /** All servers: instances, PostgreSQL, broker. */
  readonly cpuPerDelivery: number;
  /** Of the load itself; not part of the sum. */
  readonly loadCpu: number;
}

/** Options of {@linkcode measure}. */
export interface MeasureOptions {
  readonly signal?: AbortSignal;
  /** Called when the measured time begins, and when it ends: to read counters of one's own. */
  readonly onEdge?: () => Promise<void>;
}

/** Runs a load, in a process of its own, against servers whose rooms exist. */
export async function measure(
  servers: Pick<Servers, "ports" | "cpu">,
  plan: Omit<LoadPlan, "ports">,
  { signal, onEdge }: MeasureOptions = {},
): Promise<Measured> {
  const load = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net=127.0.0.1",
      "tests/bench/load.ts",
      JSON.stringify({ ...plan, ports: servers.ports } satisfies LoadPlan),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  using _killing = killOnAbort(load, signal);
  let before = await servers.cpu();
  let after = before;
  let result: LoadResult | null = null;
  for await (const line of lines(load.stdout)) {
    if (line === "measuring") [before] = await Promise.all([servers.cpu(), onEdge?.()]);
    else if (line === "measured") [after] = await Promise.all([servers.cpu(), onEdge?.()]);
    else if (line.startsWith("{")) result = JSON.parse(line) as LoadResult;
  }
  await load.status;
  signal?.throwIfAborted();
  if (result === null) throw new Error("The load ended without a result");
  const deliveries = Math.max(1, result.deliveriesPerSecond * plan.seconds);
  const each = (who: keyof CpuMs) => (after[who] - before[who]) * 1000 / deliveries;
  const [instances, postgres, broker] = [each("instances"), each("postgres"), each("broker")];
  const cpuPerDelivery = instances + postgres + broker;
  const loadCpu = result.loadCpuMs * 1000 / deliveries;
  return { result, instances, postgres, broker, cpuPerDelivery, loadCpu };
}

/** Kills a process when the signal comes, until disposed. */
export function killOnAbort(process: Deno.ChildProcess, signal?: AbortSignal): Disposable {
  const kill = () => process.kill("SIGKILL");
  if (signal?.aborted) kill();
  signal?.addEventListener("abort", kill);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", kill) };
}

/** The lines of a stream, without their ends. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = parts.pop()!;
    yield* parts;
  }
  if (text !== "") yield text;
}
