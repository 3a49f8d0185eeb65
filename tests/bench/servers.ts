import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embedded_postgres.ts";
import { familyCpuMs, processCpuMs } from "./cpu.ts";

/** CPU time so far, in ms. */
export interface CpuMs {
  /** Of the processes that hold the sockets. */
  readonly instances: number;
  readonly postgres: number;
  /** Of Redis, where there is one. */
  readonly broker: number;
}

/** What is measured: server processes with all that they need, alive until disposed. */
export interface Servers extends AsyncDisposable {
  /** Of the processes that hold the sockets. */
  readonly ports: readonly number[];
  /** The same processes, and the broker: what grows with the number of sockets. */
  readonly pids: readonly number[];
  /** Lets clients enter these rooms. */
  createRooms(names: readonly string[]): Promise<void>;
  cpu(): Promise<CpuMs>;
  /** Of the processes that hold the sockets, those that {@linkcode collectGarbage} can be told to. */
  readonly collecting: readonly number[];
}

const COLLECT_GARBAGE = new URL("./collect_garbage.mjs", import.meta.url).pathname;
/** What lets a Deno process be told to collect its garbage … */
export const COLLECTING_FLAGS = ["--v8-flags=--expose-gc", `--preload=${COLLECT_GARBAGE}`];
/** … and a Node process. */
export const COLLECTING_NODE_FLAGS = ["--expose-gc", `--import=${COLLECT_GARBAGE}`];
const COLLECTIONS = 3;
const COLLECTION_MS = 1_000;

/** Lets servers collect their garbage, those that can be told to. */
export async function collectGarbage({ collecting }: Servers): Promise<void> {
  // Pages are given back by a collection after the one that has emptied them, and in the background.
  for (let i = 0; i < COLLECTIONS; i++) {
    for (const pid of collecting) Deno.kill(pid, "SIGUSR2");
    await new Promise((resolve) => setTimeout(resolve, COLLECTION_MS));
  }
}

/** Which processes {@linkcode sumCpu} counts. */
export interface CpuOwners {
  readonly instances: readonly number[];
  readonly postgres: number | null;
  readonly broker: number | null;
}

/** The CPU time of all server processes. */
export async function sumCpu({ instances, postgres, broker }: CpuOwners): Promise<CpuMs> {
  const own = await Promise.all(instances.map(processCpuMs));
  return {
    instances: own.reduce((sum, ms) => sum + ms, 0),
    postgres: postgres === null ? 0 : await familyCpuMs(postgres),
    broker: broker === null ? 0 : await processCpuMs(broker),
  };
}

/**
 * An empty PostgreSQL, gone with its folder when disposed. The same settings for whoever is measured.
 *
 * @param settings more of them
 */
export async function startBenchPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedPostgres> {
  const directory = await Deno.makeTempDir({ prefix: "maru-bench-" });
  await Deno.chmod(directory, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory,
    settings: {
      shared_buffers: "256MB",
      max_wal_size: "4GB",
      max_connections: "100",
      ...settings,
    },
  });
  return {
    ...postgres,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}
