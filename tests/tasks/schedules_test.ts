import assert from "node:assert/strict";
import { z } from "zod";
import { crontab, defineTask, type FiredTick, TaskInputError } from "../../src/tasks/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { openTasks } from "./open_tasks.ts";
import { until } from "../support/until.ts";

const note = defineTask({ name: "note", input: z.object({ of: z.string() }), run: ({ of }) => of });

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A clock that goes when it is told to. */
class Clock {
  constructor(public time: number) {}
  now = () => this.time;
}

function clockAt(time: string): Clock {
  return new Clock(Date.parse(time));
}

function times(fired: readonly FiredTick[], name: string): string[] {
  return fired.filter((tick) => tick.name === name).map(({ at }) => at.toISOString()).sort();
}

/** Deterministic, from 0 to 1. */
function randomly(seed: number): () => number {
  return () => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;
}

async function simulateWeek(from: string, weekly: readonly string[]) {
  await using database = await createTestDatabase();
  const clocks = [clockAt(from), clockAt(from)] as const;
  await using one = await openTasks(database.url, { now: clocks[0].now });
  await using two = await openTasks(database.url, { now: clocks[1].now });
  for (const { tasks } of [one, two]) {
    const day = { timeZone: "Europe/Berlin" };
    await tasks.schedule("quarters", crontab({ minute: "*/15" }), note, { of: "quarters" });
    await tasks.schedule("night", crontab({ minute: "30", hour: "2" }), note, { of: "night" }, day);
    await tasks.schedule(
      "work",
      crontab({ minute: 0, hour: "9,18", day_of_week: "mon-fri" }),
      note,
      { of: "work" },
      { timeZone: "Asia/Seoul", missed: "skip" },
    );
  }
  const random = randomly(1);
  const fired: FiredTick[] = [];
  const begin = clocks[0].time;
  for (let at = begin; at < begin + 7 * DAY_MS; at += 15 * MINUTE_MS) {
    for (const time of [at - 1_000, at + random() * 30_000]) {
      // Their clocks are not quite the same, and they look at the same time.
      clocks[0].time = time;
      clocks[1].time = time + random() * 2_000;
      fired.push(
        ...(await Promise.all([one.tasks.fireSchedules(), two.tasks.fireSchedules()])).flat(),
      );
    }
  }
  const quarters = Array.from(
    { length: 7 * 96 - 1 },
    (_, n) => new Date(begin + (n + 1) * 15 * MINUTE_MS).toISOString(),
  );
  assert.deepEqual(times(fired, "quarters"), quarters);
  assert.deepEqual(times(fired, "night"), weekly);
  const seoul = Array.from({ length: 7 }, (_, day) => begin + day * DAY_MS)
    .filter((time) => ![0, 6].includes(new Date(time).getUTCDay()))
    // 9 and 18 o'clock in Seoul; the simulation begins at midnight, after that tick.
    .flatMap((time) => [time, time + 9 * 3_600_000])
    .filter((time) => time > begin)
    .map((time) => new Date(time).toISOString());
  assert.deepEqual(times(fired, "work"), seoul);
  const queued = await database.sql`
    select data->>'of' as of, count(*) as jobs from tasks.job group by 1 order by 1`;
  assert.deepEqual(
    queued.map(({ of, jobs }) => [of, jobs]),
    [["night", weekly.length], ["quarters", quarters.length], ["work", seoul.length]],
  );
  assert.deepEqual([...one.warnings, ...two.warnings], []);
}

Deno.test("in the week in which clocks go forward two instances fire each tick once", async () => {
  await simulateWeek("2026-03-25T00:00:00Z", [
    "2026-03-25T01:30:00.000Z",
    "2026-03-26T01:30:00.000Z",
    "2026-03-27T01:30:00.000Z",
    "2026-03-28T01:30:00.000Z",
    // There is no half past two: it is made up for at three.
    "2026-03-29T01:00:00.000Z",
    "2026-03-30T00:30:00.000Z",
    "2026-03-31T00:30:00.000Z",
  ]);
});

Deno.test("in the week in which clocks go back two instances fire each tick once", async () => {
  await simulateWeek("2026-10-22T00:00:00Z", [
    "2026-10-22T00:30:00.000Z",
    "2026-10-23T00:30:00.000Z",
    "2026-10-24T00:30:00.000Z",
    // Half past two comes twice; the first counts.
    "2026-10-25T00:30:00.000Z",
    "2026-10-26T01:30:00.000Z",
    "2026-10-27T01:30:00.000Z",
    "2026-10-28T01:30:00.000Z",
  ]);
});

Deno.test("ticks that were missed fire once, or are skipped, as the schedule says", async () => {
  await using database = await createTestDatabase();
  const clock = clockAt("2026-01-01T00:00:00Z");
  await using opened = await openTasks(database.url, { now: clock.now });
  const { tasks } = opened;
  const hourly = crontab({ minute: 0 });
  await tasks.schedule("once", hourly, note, { of: "once" }, { missed: "once" });
  await tasks.schedule("skip", hourly, note, { of: "skip" }, { missed: "skip" });
  const fire = async (time: string) => {
    clock.time = Date.parse(time);
    return (await tasks.fireSchedules()).map(({ name, at }) => `${name} ${at.toISOString()}`)
      .sort();
  };
  assert.deepEqual(await fire("2026-01-01T00:59:59Z"), []);
  assert.deepEqual(await fire("2026-01-01T01:00:45Z"), [
    "once 2026-01-01T01:00:00.000Z",
    "skip 2026-01-01T01:00:00.000Z",
  ]);
  // Four were missed.
  assert.deepEqual(await fire("2026-01-01T05:30:00Z"), ["once 2026-01-01T05:00:00.000Z"]);
  assert.deepEqual(await fire("2026-01-01T05:30:01Z"), []);
  // Two were missed, the third is in time.
  assert.deepEqual(await fire("2026-01-01T08:00:10Z"), [
    "once 2026-01-01T08:00:00.000Z",
    "skip 2026-01-01T08:00:00.000Z",
  ]);
});

Deno.test("a clock that is set back fires nothing twice, and one that is set forward nothing for each hour", async () => {
  await using database = await createTestDatabase();
  const clock = clockAt("2026-01-01T00:00:00Z");
  await using opened = await openTasks(database.url, { now: clock.now });
  const { tasks } = opened;
  await tasks.schedule("hourly", crontab({ minute: 0 }), note, { of: "hourly" });
  const fired: FiredTick[] = [];
  for (const hour of [1, 2, 0.5, 1, 1.5, 2, 2.5, 3, 100, 3, 4, 5, 100.5, 101]) {
    clock.time = Date.parse("2026-01-01T00:00:00Z") + hour * 60 * MINUTE_MS;
    fired.push(...await tasks.fireSchedules());
  }
  assert.deepEqual(times(fired, "hourly"), [
    "2026-01-01T01:00:00.000Z",
    "2026-01-01T02:00:00.000Z",
    "2026-01-01T03:00:00.000Z",
    "2026-01-05T04:00:00.000Z",
    "2026-01-05T05:00:00.000Z",
  ]);
});

Deno.test("a schedule is listed, rests, goes on, is run by hand, changed and ended", async () => {
  await using database = await createTestDatabase();
  const clock = clockAt("2026-01-01T00:00:00Z");
  await using opened = await openTasks(database.url, { now: clock.now });
  const { tasks } = opened;
  const of = { of: "it" };
  const declare = (hour: number) => tasks.schedule("it", crontab({ minute: 0, hour }), note, of);
  const next = async () => (await tasks.schedules())[0]?.nextAt.toISOString();
  await declare(6);
  assert.deepEqual(await tasks.schedules(), [{
    name: "it",
    crontab: "0 6 * * *",
    timeZone: "UTC",
    task: "note",
    input: of,
    missed: "once",
    paused: false,
    nextAt: new Date("2026-01-01T06:00:00Z"),
    lastAt: undefined,
    lastJob: undefined,
  }]);
  clock.time += DAY_MS;
  // To say the same again does not lose the tick that was missed.
  await declare(6);
  assert.equal(await next(), "2026-01-01T06:00:00.000Z");

  assert.equal(await tasks.pauseSchedule("it"), true);
  assert.deepEqual(await tasks.fireSchedules(), []);
  await declare(6);
  assert.equal((await tasks.schedules())[0]?.paused, true);
  const byHand = await tasks.runSchedule("it");
  assert.deepEqual((await byHand!.status()).input, of);
  assert.equal((await tasks.schedules())[0]?.lastJob, byHand!.id);
  assert.equal(await tasks.resumeSchedule("it"), true);
  assert.equal(await next(), "2026-01-02T06:00:00.000Z");
  assert.equal(await tasks.resumeSchedule("it"), true);

  await declare(7);
  assert.equal(await next(), "2026-01-02T07:00:00.000Z");
  assert.equal(await tasks.unschedule("it"), true);
  assert.deepEqual(await tasks.schedules(), []);
  assert.equal(await tasks.unschedule("it"), false);
  assert.equal(await tasks.pauseSchedule("it"), false);
  assert.equal(await tasks.resumeSchedule("it"), false);
  assert.equal(await tasks.runSchedule("it"), null);
});

Deno.test("a schedule that cannot be is refused, and one that broke does not hold up the others", async () => {
  await using database = await createTestDatabase();
  const clock = clockAt("2026-01-01T00:00:00Z");
  await using opened = await openTasks(database.url, { now: clock.now });
  const { tasks, warnings } = opened;
  const hourly = crontab({ minute: 0 });
  const of = { of: "it" };
  await assert.rejects(
    tasks.schedule("it", hourly, note, of, { timeZone: "Europe/Atlantis" }),
    /RangeError: Cannot use "Europe\/Atlantis" as a time zone/,
  );
  await assert.rejects(tasks.schedule("it", hourly, note, {} as never), TaskInputError);
  await assert.rejects(tasks.schedule("", hourly, note, of), TypeError);
  await assert.rejects(tasks.schedule("it", "0 * * * *" as never, note, of), TypeError);
  await assert.rejects(
    tasks.schedule("it", hourly, note, of, { missed: "never" as never }),
    /missed is "once" or "skip", not "never"/,
  );
  assert.deepEqual(await tasks.schedules(), []);

  await tasks.schedule("broken", hourly, note, of);
  await tasks.schedule("whole", hourly, note, of);
  await database.sql`update tasks.schedules set crontab = '99 * * * *' where name = 'broken'`;
  clock.time += 60 * MINUTE_MS;
  assert.deepEqual((await tasks.fireSchedules()).map(({ name }) => name), ["whole"]);
  assert.deepEqual(await tasks.fireSchedules(), []);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /Schedule "broken" failed: .*99/);
});

Deno.test("a tick joins the job of its unique key that still waits", async () => {
  await using database = await createTestDatabase();
  const clock = clockAt("2026-01-01T00:00:00Z");
  await using opened = await openTasks(database.url, { now: clock.now });
  const { tasks } = opened;
  const single = defineTask({
    name: "single",
    input: z.object({}),
    uniqueKey: () => "one",
    run: () => 0,
  });
  await tasks.schedule("single", crontab({ minute: 0 }), single, {});
  const jobs = [];
  for (let hour = 1; hour <= 3; hour++) {
    clock.time += 60 * MINUTE_MS;
    jobs.push(...await tasks.fireSchedules());
  }
  assert.equal(jobs.length, 3);
  assert.equal(new Set(jobs.map(({ job }) => job)).size, 1);
  assert.equal((await tasks.list({ state: "waiting" })).length, 1);
});

Deno.test("schedules go by the database's clock, whatever this computer's says", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const { now } = Date;
  try {
    await tasks.schedule("minute", crontab(), note, { of: "minute" });
    Date.now = () => now() + DAY_MS;
    assert.deepEqual(await tasks.fireSchedules(), []);
    // With microseconds.
    await database.sql`update tasks.schedules set next_at = now()`;
    Date.now = () => now() - DAY_MS;
    assert.equal((await tasks.fireSchedules()).length, 1);
    const [schedule] = await tasks.schedules();
    const inMs = schedule!.nextAt.getTime() - now();
    assert.ok(inMs > -1_000 && inMs <= MINUTE_MS, `next in ${inMs} ms`);
  } finally {
    Date.now = now;
  }
});

Deno.test("workers fire what is due by themselves, within two seconds", async () => {
  await using database = await createTestDatabase();
  // The next minute begins in half a second.
  const shift = MINUTE_MS - 500 - Date.now() % MINUTE_MS;
  const now = () => Date.now() + shift;
  await using one = await openTasks(database.url, { now });
  await using two = await openTasks(database.url, { now });
  await one.tasks.schedule("soon", crontab(), note, { of: "soon" });
  const startedAt = performance.now();
  one.tasks.work([note]);
  two.tasks.work([note]);
  const done = await until(async () => {
    const jobs = await one.tasks.list({ state: "done" });
    return jobs.length > 0 ? jobs : undefined;
  });
  assert.ok(performance.now() - startedAt < 3_000);
  assert.deepEqual(done.map(({ result }) => result), ["soon"]);
});
