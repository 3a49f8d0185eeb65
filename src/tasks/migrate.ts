import { PgBoss } from "pg-boss";
import type { Sql } from "../db/pool.ts";
import { connectTasks, isScript, runStatement } from "./database.ts";

/** The schema of pg-boss's tables and ours. */
export const TASKS_SCHEMA = "tasks";

// "task" in ASCII: advisory locks share one number space per database.
const LOCK = 0x7461736b;

/**
 * Brings the schema `tasks` to what this library and pg-boss need. Safe to run from many instances
 * at once: pg-boss lets one of them do it, and the others find it done; so does what follows.
 *
 * @param url a direct connection, not a pooler in transaction mode
 */
export async function migrateTasks(url: string): Promise<void> {
  const sql = connectTasks(url, { max: 1, prepare: false });
  try {
    await migratePgBoss(sql);
    // Several statements in one simple query are one transaction.
    await sql.unsafe(`select pg_advisory_xact_lock(${LOCK}); ${TABLES}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function migratePgBoss(sql: Sql): Promise<void> {
  const errors: unknown[] = [];
  const boss = new PgBoss({
    schema: TASKS_SCHEMA,
    supervise: false,
    schedule: false,
    db: {
      async executeSql(text, values = []) {
        try {
          return await runStatement(sql, text, values);
        } catch (error) {
          if (isScript(text)) await sql.unsafe("rollback").catch(() => {});
          throw error;
        }
      },
    },
  });
  boss.on("error", (error) => errors.push(error));
  try {
    await boss.start();
  } finally {
    await boss.stop({ graceful: false });
  }
  if (errors.length > 0) throw errors[0];
}

const TABLES = `
create index if not exists job_running on ${TASKS_SCHEMA}.job_common (name)
  where state = 'active';
create index if not exists job_finished on ${TASKS_SCHEMA}.job_common (state, completed_on)
  where state > 'active';

create table if not exists ${TASKS_SCHEMA}.schedules (
  name text primary key,
  crontab text not null,
  time_zone text not null,
  task text not null,
  input jsonb not null,
  priority int not null,
  unique_key text,
  missed text not null check (missed in ('once', 'skip')),
  paused boolean not null default false,
  next_at timestamptz not null,
  last_at timestamptz,
  last_job uuid,
  created_at timestamptz not null default now()
);
comment on table ${TASKS_SCHEMA}.schedules is 'What is queued again and again';
comment on column ${TASKS_SCHEMA}.schedules.name is 'What people call it';
comment on column ${TASKS_SCHEMA}.schedules.crontab is 'Minute, hour, day of month, month, day of week; a day has to be in all three';
comment on column ${TASKS_SCHEMA}.schedules.time_zone is 'Where its local times are, an IANA name';
comment on column ${TASKS_SCHEMA}.schedules.task is 'What is queued';
comment on column ${TASKS_SCHEMA}.schedules.input is 'With what';
comment on column ${TASKS_SCHEMA}.schedules.priority is 'How urgent';
comment on column ${TASKS_SCHEMA}.schedules.unique_key is 'Not again while one with this key waits or runs';
comment on column ${TASKS_SCHEMA}.schedules.missed is 'After all was down: queue it once, or skip it';
comment on column ${TASKS_SCHEMA}.schedules.paused is 'Does not tick';
comment on column ${TASKS_SCHEMA}.schedules.next_at is 'The next tick; who moves it on has fired it';
comment on column ${TASKS_SCHEMA}.schedules.last_at is 'The last tick that was fired';
comment on column ${TASKS_SCHEMA}.schedules.last_job is 'What was queued last';
comment on column ${TASKS_SCHEMA}.schedules.created_at is 'When it was made';

create table if not exists ${TASKS_SCHEMA}.rate_limits (
  task text primary key,
  next_at timestamptz not null
);
comment on table ${TASKS_SCHEMA}.rate_limits is 'When tasks with a rate limit may start';
comment on column ${TASKS_SCHEMA}.rate_limits.task is 'The task';
comment on column ${TASKS_SCHEMA}.rate_limits.next_at is 'The next one not before';

create table if not exists ${TASKS_SCHEMA}.once (
  key text primary key,
  done_at timestamptz not null default now()
);
create index if not exists once_done_at on ${TASKS_SCHEMA}.once (done_at);
comment on table ${TASKS_SCHEMA}.once is 'What tasks have done, so that they do not do it again';
comment on column ${TASKS_SCHEMA}.once.key is 'Names the deed';
comment on column ${TASKS_SCHEMA}.once.done_at is 'When; forgotten after 30 days';
`;
