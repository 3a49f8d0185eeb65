import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embedded_postgres.ts";
import { connect } from "../../src/db/pool.ts";
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

/** Enough for a minute of the highest rates. */
const SEASONED_WAL_FILES = 60;
const COLLECT_GARBAGE = new URL("./collect_garbage.mjs", import.meta.url).pathname;
/** What lets a Deno process be told to collect its garbage … */
export const COLLECTING_FLAGS = ["--v8-flags=--expose-gc", `--preload=${COLLECT_GARBAGE}`];
/** … and a Node process. */
export const COLLECTING_NODE_FLAGS = ["--expose-gc", `--import=${COLLECT_GARBAGE}`];
const COLLECTIONS = 3;
const COLLECTION_MS = 1_000;

/** Lets servers collect their garbage, those that can be told to. */
export async function collectGarbage(
  { collecting }: Pick<Servers, "collecting">,
): Promise<void> {
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

/** Options of {@linkcode startBenchPostgres}. */
export interface BenchPostgresOptions {
  /** More settings. @default none */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Whether it is to be as ready to write as one that has been in use. @default true */
  readonly seasoned?: boolean | undefined;
}

/**
 * An empty PostgreSQL, gone with its folder when disposed. The same settings for whoever is measured.
 */
export async function startBenchPostgres(
  { settings = {}, seasoned = true }: BenchPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const directory = await Deno.makeTempDir({ prefix: "maru-bench-" });
  await Deno.chmod(directory, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory,
    settings: {
      shared_buffers: "256MB",
      min_wal_size: "1GB",
      max_wal_size: "4GB",
      max_connections: "100",
      ...settings,
    },
  });
  if (seasoned) await season(postgres.url);
  return {
    ...postgres,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/**
 * Leaves WAL files behind to be used again. A new server makes each file of 16 MB on the way, which
 * holds up every commit (80 ms on the machine where it was found); one that has been in use for an
 * hour has made them all.
 */
async function season(url: string): Promise<void> {
  const sql = connect(url, { name: "maru-bench" });
  for (let i = 0; i < SEASONED_WAL_FILES; i++) {
    await sql`select pg_logical_emit_message(false, 'bench', 'no file is left empty'), pg_switch_wal()`;
  }
  await sql.unsafe("checkpoint");
  await sql.end({ timeout: 1 });
}
