import { memoryMib } from "../support/memory.ts";
import type { Violation } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import type { Database } from "./database.ts";

/** What the processes hold at a moment. */
export interface Resources {
  /** Of each instance, in MiB. */
  readonly memory: readonly number[];
  /** Open files and sockets of each instance. */
  readonly files: readonly number[];
  /** Connections to PostgreSQL by the name of their purpose. */
  readonly connections: ReadonlyMap<string, number>;
}

/** What docs/operations.md grants to one instance. */
const CONNECTIONS_MAX: Readonly<Record<string, number>> = {
  "maru-writer": 2,
  "maru-reader": 4,
  "maru-notify": 1,
  "maru-listener": 1,
  "maru-tasks": 4,
};
// Heaps breathe; what a run of any length leaves behind must fit in here.
const MEMORY_MARGIN_MIB = 150;
const FILES_MARGIN = 80;

export async function measure(cluster: Cluster, database: Database): Promise<Resources> {
  const pids = cluster.members.flatMap(({ instance }) => instance?.pid ?? []);
  const rows = await database.ask((sql) =>
    sql<{ name: string; count: number }[]>`
      select application_name as name, count(*)::int as count from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1`
  );
  return {
    memory: await Promise.all(pids.map(memoryMib)),
    files: await Promise.all(pids.map(openFiles)),
    connections: new Map(rows.map(({ name, count }) => [name, count])),
  };
}

/** What did not come back to where it was before the faults. */
export function compare(before: Resources, after: Resources, instances: number): Violation[] {
  const violations: Violation[] = [];
  const say = (rule: string, detail: string) => violations.push({ rule, detail });
  const memoryMax = Math.max(...before.memory) + MEMORY_MARGIN_MIB;
  for (const mib of after.memory) {
    if (mib > memoryMax) say("memory comes back", `${mib} MiB, at most ${memoryMax} expected`);
  }
  const filesMax = Math.max(...before.files) + FILES_MARGIN;
  for (const files of after.files) {
    if (files > filesMax) say("sockets come back", `${files} open, at most ${filesMax} expected`);
  }
  for (const [name, count] of after.connections) {
    const most = (CONNECTIONS_MAX[name] ?? 0) * instances;
    if (count > most) {
      say("connections come back", `${count} of "${name}", at most ${most} expected`);
    }
  }
  if ((after.connections.get("maru-listener") ?? 0) < instances) {
    say("connections come back", "an instance does not listen");
  }
  return violations;
}

async function openFiles(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}
