import { connect } from "../../../src/db/pool.ts";
import { startBenchPostgres } from "../servers.ts";
import { djangoVersions } from "./django_servers.ts";
import { redisVersion } from "./redis.ts";
import type { PeerResult } from "./results.ts";
import { tryCommand } from "./server_process.ts";
import { socketIoVersions } from "./socket_io_servers.ts";

/** The machine, in words. */
export async function describeMachine(): Promise<Record<string, string>> {
  const cpu = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const gigabytes = Deno.systemMemoryInfo().total / 1024 ** 3;
  return {
    Processor: /model name\s*: (.*)/.exec(cpu)?.[1] ?? Deno.build.arch,
    Cores: String(navigator.hardwareConcurrency),
    Memory: `${gigabytes.toFixed(0)} GB`,
    System: /PRETTY_NAME="(.*)"/.exec(release)?.[1] ?? Deno.build.os,
    Kernel: Deno.osRelease(),
  };
}

/** The versions of all that was measured. */
export async function describeVersions(
  peers: readonly PeerResult[],
): Promise<Record<string, string>> {
  const measured = (start: string) =>
    peers.some(({ key, missing }) => key.startsWith(start) && missing === null);
  const commit = await tryCommand("git", ["rev-parse", "--short", "HEAD"]);
  const redis = measured("django") || measured("socketio-redis") ? await redisVersion() : null;
  return {
    ...commit === null ? {} : { Maru: `commit ${commit}` },
    Deno: Deno.version.deno,
    PostgreSQL: await postgresVersion(),
    ...redis === null ? {} : { Redis: redis },
    ...measured("socketio") ? await socketIoVersions() : {},
    ...measured("django") ? await djangoVersions() : {},
  };
}

async function postgresVersion(): Promise<string> {
  await using postgres = await startBenchPostgres({ seasoned: false });
  const sql = connect(postgres.url, { name: "maru-bench" });
  const [row] = await sql`show server_version`;
  await sql.end({ timeout: 1 });
  return String(row?.["server_version"]);
}
