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

/** An empty PostgreSQL, gone with its folder when disposed. The same settings for whoever is measured. */
export async function startBenchPostgres(): Promise<EmbeddedPostgres> {
  const directory = await Deno.makeTempDir({ prefix: "maru-bench-" });
  await Deno.chmod(directory, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory,
    settings: { shared_buffers: "256MB", max_wal_size: "4GB", max_connections: "100" },
  });
  return {
    ...postgres,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}
