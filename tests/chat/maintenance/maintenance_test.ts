import assert from "node:assert/strict";
import { channelLeftoversTask } from "../../../src/chat/maintenance/channel_leftovers.ts";
import { databaseReportTask } from "../../../src/chat/maintenance/database_report.ts";
import { maintenance } from "../../../src/chat/maintenance/mod.ts";
import { createTestDatabase } from "../../support/database.ts";
import { openTasks } from "../../tasks/open_tasks.ts";
import { doTask, poolsOf } from "./do_task.ts";

Deno.test("what dead instances left in the channel layer is removed, what lives stays", async () => {
  await using db = await createTestDatabase();
  await db.sql`
    insert into channels.instances (id, seen_at)
    values ('dead', now() - interval '2 minutes'), ('alive', now())`;
  await db.sql`
    insert into channels.memberships (group_name, channel, instance, until) values
      ('room', 'dead!1', 'dead', now() + interval '1 day'),
      ('room', 'alive!1', 'alive', now() + interval '1 day'),
      ('room', 'alive!2', 'alive', now() - interval '1 minute')`;
  await db.sql`
    insert into channels.queue (channel, message, expires_at) values
      ('mail', '{}', now() - interval '1 s'), ('mail', '{}', now() + interval '1 minute')`;
  assert.deepEqual(await doTask(db, channelLeftoversTask(poolsOf(db)), {}), {
    instances: 1,
    messages: 1,
  });
  const members = await db.sql`select channel from channels.memberships`;
  assert.deepEqual(members.map(({ channel }) => channel), ["alive!1"]);
  const [queue] = await db.sql`select count(*) as messages from channels.queue`;
  assert.equal(queue!["messages"], 1);
});

Deno.test("the size of the database and the age of the queues are logged, and are the result", async () => {
  await using db = await createTestDatabase();
  await using opened = await openTasks(db.url, { migrate: false });
  const logged: unknown[] = [];
  const task = databaseReportTask({
    ...poolsOf(db),
    tasks: opened.tasks,
    report: (...line) => logged.push(line),
  });
  const report = await doTask(db, task, {});
  assert.deepEqual(logged, [["Database", report]]);
  assert.ok(report.messagesBytes > 0 && report.databaseBytes > report.messagesBytes);
  assert.equal(report.failed, 0);
  assert.equal(typeof report.oldestWaitingMs, "number");
});

Deno.test("what maintenance does is scheduled once, however often it is declared; a pause is kept", async () => {
  await using db = await createTestDatabase();
  await using opened = await openTasks(db.url, { migrate: false });
  const { tasks } = opened;
  const upkeep = () => maintenance({ ...poolsOf(db), tasks, report: () => {} });
  await Promise.all([upkeep().declare(), upkeep().declare()]);
  await tasks.pauseSchedule("maru.retention");
  await upkeep().declare();
  const schedules = await tasks.schedules();
  assert.deepEqual(
    schedules.map(({ name, task, crontab, timeZone, paused }) => [
      name === task,
      name,
      crontab,
      timeZone,
      paused,
    ]),
    [
      [true, "maru.channels", "*/10 * * * *", "UTC", false],
      [true, "maru.database", "*/15 * * * *", "UTC", false],
      [true, "maru.guests", "40 18 * * 0", "UTC", false],
      [true, "maru.retention", "17 * * * *", "UTC", true],
    ],
  );
});
