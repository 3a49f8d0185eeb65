import type { Sql } from "../../src/db/pool.ts";
import { threadCpuMs } from "./cpu.ts";

/** What a database has done so far. */
export interface DatabaseCounters {
  /** Calls of `append_messages`, the rows that they returned, and the time that they took. */
  readonly batches: StatementCounters;
  /** Statements that notify, and their payloads as rows; not the listeners' heartbeats. */
  readonly notifications: StatementCounters;
  /** Listeners' heartbeats: they notify, too. */
  readonly heartbeats: StatementCounters;
  /** Reads of a room's log: while nobody enters, of what hints did not bring in time. */
  readonly gapReads: StatementCounters;
  /** Comparisons of an instance's rooms with the database. */
  readonly sweeps: StatementCounters;
  readonly walBytes: number;
  readonly walFlushes: number;
  /** Of the instances. */
  readonly connections: number;
  /** CPU time in ms by what the connection is for: `maru-writer`, `maru-listener`, … */
  readonly cpuMs: Readonly<Record<string, number>>;
}

/** Of one kind of statement, from `pg_stat_statements`. */
export interface StatementCounters {
  readonly calls: number;
  readonly rows: number;
  readonly ms: number;
}

/** Settings of a PostgreSQL that {@linkcode readDatabaseCounters} can read. */
export const COUNTING_SETTINGS = {
  shared_preload_libraries: "pg_stat_statements",
  // Eight instances hold eighty.
  max_connections: "200",
};

type Kind = "batches" | "notifications" | "heartbeats" | "gapReads" | "sweeps";

/** Reads them; `pg_stat_statements` is made when it is not there. */
export async function readDatabaseCounters(sql: Sql): Promise<DatabaseCounters> {
  await sql`create extension if not exists pg_stat_statements`;
  const statements = await sql<({ kind: Kind } & StatementCounters)[]>`
    select kind, sum(calls)::float8 as calls, sum(rows)::float8 as rows,
      sum(total_exec_time) as ms
    from (
      select *, case
        when query ~ 'pg_notification_queue_usage' then 'heartbeats'
        when query ~ '^\\s*select pg_notify' then 'notifications'
        when query ~ '^\\s*select outcome.* from append_messages' then 'batches'
        when query ~ '^\\s*select r\\.last_position as head' then 'gapReads'
        when query ~ '^\\s*select h\\.history' then 'sweeps'
      end as kind
      from pg_stat_statements
    ) s
    where kind is not null group by kind`;
  const [wal] = await sql<{ bytes: number; flushes: number }[]>`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes,
      (select sum(fsyncs)::float8 from pg_stat_io where object = 'wal') as flushes`;
  const backends = await sql<{ pid: number; name: string }[]>`
    select pid, application_name as name from pg_stat_activity
    where application_name like 'maru-%' and application_name <> 'maru-bench'`;
  const cpuMs: Record<string, number> = {};
  await Promise.all(backends.map(async ({ pid, name }) => {
    const ms = await threadCpuMs(pid);
    cpuMs[name] = (cpuMs[name] ?? 0) + ms;
  }));
  const none = { calls: 0, rows: 0, ms: 0 };
  const of = (kind: Kind) => statements.find((row) => row.kind === kind) ?? none;
  return {
    batches: of("batches"),
    notifications: of("notifications"),
    heartbeats: of("heartbeats"),
    gapReads: of("gapReads"),
    sweeps: of("sweeps"),
    walBytes: wal!.bytes,
    walFlushes: wal!.flushes,
    connections: backends.length,
    cpuMs,
  };
}

/** What was done between two readings, a second; `ms` and `cpuMs` are shares of it then. */
export function ratesBetween(
  before: DatabaseCounters,
  after: DatabaseCounters,
  seconds: number,
): DatabaseCounters {
  const rate = (from: number, to: number) => (to - from) / seconds;
  const statement = (kind: Kind) => ({
    calls: rate(before[kind].calls, after[kind].calls),
    rows: rate(before[kind].rows, after[kind].rows),
    ms: rate(before[kind].ms, after[kind].ms),
  });
  return {
    batches: statement("batches"),
    notifications: statement("notifications"),
    heartbeats: statement("heartbeats"),
    gapReads: statement("gapReads"),
    sweeps: statement("sweeps"),
    walBytes: rate(before.walBytes, after.walBytes),
    walFlushes: rate(before.walFlushes, after.walFlushes),
    connections: after.connections,
    cpuMs: Object.fromEntries(
      Object.entries(after.cpuMs).map(([name, ms]) => [name, rate(before.cpuMs[name] ?? 0, ms)]),
    ),
  };
}
