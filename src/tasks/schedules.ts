import type { WarnHandler } from "../channels/mod.ts";
import { assertTimeZone, Crontab, nextTick, parseCrontab, previousTick } from "./crontab.ts";
import type { TasksDatabase } from "./database.ts";
import type { NewJob, Queues } from "./queues.ts";

/** Options of a schedule. */
export interface ScheduleOptions {
  /** Where its local times are, an IANA name. @default "UTC" */
  readonly timeZone?: string;
  /**
   * What becomes of ticks that came while no worker was there: however many they were, they are
   * made up for by one, or skipped. @default "once"
   */
  readonly missed?: "once" | "skip";
  /** A higher one is taken first. @default the task's */
  readonly priority?: number;
}

/** A schedule, as it is kept. */
export interface ScheduleInfo {
  /** What it is called. */
  readonly name: string;
  /** Minute, hour, day of month, month, day of week. */
  readonly crontab: string;
  /** Where its local times are. */
  readonly timeZone: string;
  /** What it queues. */
  readonly task: string;
  /** With what. */
  readonly input: unknown;
  /** What becomes of missed ticks. */
  readonly missed: "once" | "skip";
  /** Whether it rests. */
  readonly paused: boolean;
  /** Its next tick, were it not paused. */
  readonly nextAt: Date;
  /** Its last tick that queued something. */
  readonly lastAt: Date | undefined;
  /** The job that was queued last, by a tick or by hand. */
  readonly lastJob: string | undefined;
}

/** A tick that has queued a job. */
export interface FiredTick {
  /** The schedule. */
  readonly name: string;
  /** The time of the tick. */
  readonly at: Date;
  /** What was queued. */
  readonly job: string;
}

/** What a schedule queues. */
export interface ScheduledJob {
  readonly task: string;
  readonly input: unknown;
  readonly priority: number;
  readonly uniqueKey: string | undefined;
}

/** What {@linkcode Schedules} is made of. */
export interface SchedulesOptions {
  readonly database: TasksDatabase;
  readonly queues: Queues;
  /** @default the database's, which is one for all instances */
  readonly now: (() => number) | undefined;
  readonly warn: WarnHandler;
}

interface ScheduleRow {
  readonly name: string;
  readonly crontab: string;
  readonly time_zone: string;
  readonly task: string;
  readonly input: unknown;
  readonly priority: number;
  readonly unique_key: string | null;
  readonly missed: "once" | "skip";
  readonly paused: boolean;
  readonly next_at: Date;
  readonly last_at: Date | null;
  readonly last_job: string | null;
}

interface DueRow extends ScheduleRow {
  /** `next_at` in full: a date has but milliseconds. */
  readonly claim: string;
  readonly now: Date;
}

/** A tick is missed when nobody fired it for this long: a deploy should not skip any. */
const MISSED_AFTER_MS = 60_000;

/**
 * Schedules, in the database: whoever works looks after all of them.
 *
 * A tick belongs to the one whose update moves `next_at` on from it, in the transaction that
 * queues its job: the others find it moved. So it fires once, however many look, and whatever
 * their clocks say; where a clock is set back, the next tick is simply still to come.
 */
export class Schedules {
  readonly #database: TasksDatabase;
  readonly #queues: Queues;
  readonly #now: (() => number) | undefined;
  readonly #warn: WarnHandler;
  readonly #broken = new Set<string>();

  constructor({ database, queues, now, warn }: SchedulesOptions) {
    this.#database = database;
    this.#queues = queues;
    this.#now = now;
    this.#warn = warn;
  }

  /** Makes it, or changes it; a paused one stays so. Its next tick moves only with its times. */
  async declare(
    name: string,
    crontab: Crontab,
    job: ScheduledJob,
    { timeZone = "UTC", missed = "once" }: ScheduleOptions,
  ): Promise<void> {
    if (name === "") throw new TypeError("Cannot schedule without a name");
    if (!(crontab instanceof Crontab)) {
      throw new TypeError(`Cannot schedule "${name}": it takes what crontab() made`);
    }
    if (missed !== "once" && missed !== "skip") {
      throw new TypeError(`Cannot schedule "${name}": missed is "once" or "skip", not "${missed}"`);
    }
    assertTimeZone(timeZone);
    const next = nextTick(crontab, await this.#time(), timeZone);
    await this.#database.query((sql) =>
      sql`
        insert into tasks.schedules as s
          (name, crontab, time_zone, task, input, priority, unique_key, missed, next_at)
        values (${name}, ${String(crontab)}, ${timeZone}, ${job.task},
          ${JSON.stringify(job.input)}::text::jsonb, ${job.priority}, ${job.uniqueKey ?? null},
          ${missed}, ${next})
        on conflict (name) do update set crontab = excluded.crontab,
          time_zone = excluded.time_zone, task = excluded.task, input = excluded.input,
          priority = excluded.priority, unique_key = excluded.unique_key,
          missed = excluded.missed,
          next_at = case when (s.crontab, s.time_zone) = (excluded.crontab, excluded.time_zone)
            then s.next_at else excluded.next_at end`
    );
  }

  async list(): Promise<ScheduleInfo[]> {
    const rows = await this.#database.query((sql) =>
      sql<ScheduleRow[]>`select * from tasks.schedules order by name`
    );
    return rows.map((row) => ({
      name: row.name,
      crontab: row.crontab,
      timeZone: row.time_zone,
      task: row.task,
      input: row.input,
      missed: row.missed,
      paused: row.paused,
      nextAt: row.next_at,
      lastAt: row.last_at ?? undefined,
      lastJob: row.last_job ?? undefined,
    }));
  }

  async pause(name: string): Promise<boolean> {
    const rows = await this.#database.query((sql) =>
      sql`update tasks.schedules set paused = true where name = ${name} returning name`
    );
    return rows.length > 0;
  }

  /** Goes on with the next tick; those of the pause are not missed, they were not wanted. */
  async resume(name: string): Promise<boolean> {
    const row = await this.#find(name);
    if (row === undefined) return false;
    if (!row.paused) return true;
    const next = nextTick(parseCrontab(row.crontab), await this.#time(), row.time_zone);
    await this.#database.query((sql) =>
      sql`
        update tasks.schedules set paused = false, next_at = ${next}
        where name = ${name} and paused`
    );
    return true;
  }

  async remove(name: string): Promise<boolean> {
    const rows = await this.#database.query((sql) =>
      sql`delete from tasks.schedules where name = ${name} returning name`
    );
    return rows.length > 0;
  }

  /** Queues its job now, paused or not; returns the job's id. */
  async run(name: string): Promise<string | null> {
    const row = await this.#find(name);
    if (row === undefined) return null;
    const [job] = await this.#queues.insert(row.task, [jobOf(row)]);
    await this.#database.query((sql) =>
      sql`update tasks.schedules set last_job = ${job!} where name = ${name}`
    );
    return job!;
  }

  /** Fires what is due; returns what this call has queued. */
  async fireDue(): Promise<FiredTick[]> {
    const set = this.#now === undefined ? null : new Date(this.#now());
    const rows = await this.#database.query((sql) =>
      sql<DueRow[]>`
        select s.*, s.next_at::text as claim, clock.now
        from tasks.schedules s, (select coalesce(${set}::timestamptz, now()) as now) clock
        where not s.paused and s.next_at <= clock.now order by s.next_at`
    );
    const fired: FiredTick[] = [];
    for (const row of rows) {
      try {
        const tick = await this.#fire(row);
        if (tick !== null) fired.push(tick);
        this.#broken.delete(row.name);
      } catch (error) {
        // One that cannot be must not hold up the others.
        if (!this.#broken.has(row.name)) this.#warn(`Schedule "${row.name}" failed`, error);
        this.#broken.add(row.name);
      }
    }
    return fired;
  }

  async #fire(row: DueRow): Promise<FiredTick | null> {
    const { now } = row;
    const crontab = parseCrontab(row.crontab);
    const next = nextTick(crontab, now, row.time_zone);
    const last = previousTick(crontab, now, row.time_zone);
    // The first tick that is due may be one of several.
    const at = last > row.next_at ? last : row.next_at;
    const fires = row.missed === "once" || now.getTime() - at.getTime() <= MISSED_AFTER_MS;
    return await this.#database.begin(async (tx) => {
      // As text: postgres.js would cut the microseconds off a time.
      const claimed = await tx.unsafe(
        `update tasks.schedules set next_at = $3::timestamptz
         where name = $1 and next_at = $2::text::timestamptz and not paused returning name`,
        [row.name, row.claim, next.toISOString()],
      );
      if (claimed.length === 0 || !fires) return null;
      const [job] = await this.#queues.insert(row.task, [jobOf(row)], tx);
      await tx.unsafe(
        `update tasks.schedules set last_at = $2::timestamptz, last_job = $3::uuid
         where name = $1`,
        [row.name, at.toISOString(), job!],
      );
      return { name: row.name, at, job: job! };
    });
  }

  async #time(): Promise<Date> {
    if (this.#now !== undefined) return new Date(this.#now());
    const [row] = await this.#database.query((sql) => sql<{ now: Date }[]>`select now()`);
    return row!.now;
  }

  async #find(name: string): Promise<ScheduleRow | undefined> {
    const [row] = await this.#database.query((sql) =>
      sql<ScheduleRow[]>`select * from tasks.schedules where name = ${name}`
    );
    return row;
  }
}

function jobOf({ input, priority, unique_key: key }: ScheduleRow): NewJob {
  return {
    id: crypto.randomUUID(),
    input,
    priority,
    startAfter: undefined,
    uniqueKey: key ?? undefined,
  };
}
