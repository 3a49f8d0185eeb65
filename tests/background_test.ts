import assert from "node:assert/strict";
import { z } from "zod";
import { Consumer, type Message } from "../src/channels/mod.ts";
import { parseConfig } from "../src/config.ts";
import { sweepTask } from "../src/http/task_example/sweep_task.ts";
import { defineTask } from "../src/tasks/mod.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { freePort, type Instance, spawnInstance, startInstance } from "./support/instance.ts";
import { startServer } from "./support/server.ts";
import { openTasks } from "./tasks/open_tasks.ts";
import { until } from "./support/until.ts";

const START_LATE_MS = 30_000;

const double = defineTask({ name: "double", input: z.int(), run: (n) => 2 * n });

const startWorker = (db: TestDatabase): Promise<Instance> =>
  startInstance({ databaseUrl: db.url, env: { WORKERS: "only" } });

/** A room whose one old message is to be deleted, and a lock that keeps it from being so. */
async function holdUpRetention({ sql }: TestDatabase): Promise<AsyncDisposable> {
  const [room] = await sql`
    insert into rooms (name, key, retention_days) values ('lobby', 'lobby', 1) returning id`;
  const item = {
    room_id: room!["id"],
    id: crypto.randomUUID(),
    sender_id: crypto.randomUUID(),
    sender_name: "Ann",
    body: "old",
  };
  await sql`select from append_messages(${JSON.stringify([item])}::text::json)`;
  await sql`update messages set created_at = now() - interval '2 days'`;
  await sql`select raise_first_seq(id, 10) from rooms`;
  const held = await sql.reserve();
  await held`begin`;
  await held`select from messages for update`;
  return {
    async [Symbol.asyncDispose]() {
      await held`rollback`;
      held.release();
    },
  };
}

function jsonLines(instance: Instance): Record<string, unknown>[] {
  // The last line may not be whole yet.
  return instance.logs().split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

Deno.test("WORKERS is off unless it is said, and no other word than the three", () => {
  const workers = (WORKERS?: string) =>
    parseConfig({ DATABASE_URL: "postgres://localhost/maru", WORKERS }).WORKERS;
  assert.deepEqual([undefined, "", "off", "inline", "only"].map(workers), [
    "off",
    "off",
    "off",
    "inline",
    "only",
  ]);
  assert.throws(() => workers("on"), /WORKERS: .*"off"\|"inline"\|"only"/);
});

Deno.test("off: a server queues and shows, and leaves the work to others", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url, {}, { tasks: [double] });
  await using opened = await openTasks(db.url, { migrate: false });
  const job = await opened.tasks.delay(double, 2);
  assert.deepEqual(await opened.tasks.schedules(), [], "schedules belong to workers");
  await using working = await startServer(db.url, { WORKERS: "inline" }, { tasks: [double] });
  assert.equal(await job.result({ timeout: 5_000 }), 4);
  assert.deepEqual([server.complaints, working.complaints], [[], []]);
});

Deno.test("inline: a server also works; what no worker knows waits for one that does", async () => {
  await using db = await createTestDatabase();
  const other = defineTask({ name: "of.another.version", input: z.int(), run: (n) => n });
  await using server = await startServer(db.url, { WORKERS: "inline" }, { tasks: [double] });
  await using opened = await openTasks(db.url, { migrate: false });
  const unknown = await opened.tasks.delay(other, 1);
  const job = await opened.tasks.delay(double, 21);
  assert.equal(await job.result({ timeout: 5_000 }), 42);
  assert.equal((await unknown.status()).state, "waiting");
  assert.deepEqual(server.complaints, []);
});

Deno.test("workers serve queue channels; what is at work when they stop is ended", async () => {
  await using db = await createTestDatabase();
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const made: unknown[] = [];
  class Thumbnails extends Consumer {
    async thumbnailMake({ id }: Message): Promise<void> {
      begun.resolve();
      await goOn.promise;
      made.push(id);
    }
  }
  const options = { queueConsumers: { thumbnails: Thumbnails } };
  await using server = await startServer(db.url, { WORKERS: "inline" }, options);
  await db.sql`select channels.send('thumbnails', '{"type": "thumbnail.make", "id": 7}')`;
  await begun.promise;
  const stopped = server.stop();
  goOn.resolve();
  await stopped;
  assert.deepEqual(made, [7]);
  assert.deepEqual(server.complaints, []);
});

Deno.test("a server that stops lets its tasks end before it goes", async () => {
  await using db = await createTestDatabase();
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow = defineTask({
    name: "slow",
    input: z.null(),
    async run() {
      begun.resolve();
      await goOn.promise;
      return "done";
    },
  });
  await using opened = await openTasks(db.url, { migrate: false });
  await using server = await startServer(db.url, { WORKERS: "inline" }, { tasks: [slow] });
  const job = await opened.tasks.delay(slow, null);
  await begun.promise;
  const stopped = server.stop();
  goOn.resolve();
  await stopped;
  assert.equal((await job.status()).result, "done");
});

Deno.test("only: a worker does Maru's tasks, says how it is, and serves nothing else", async () => {
  await using db = await createTestDatabase();
  await using worker = await startWorker(db);
  await using opened = await openTasks(db.url, { migrate: false });
  const job = await opened.tasks.runSchedule("maru.database");
  const report = await job!.result({ timeout: 10_000 }) as { databaseBytes: number };
  const line = await until(() => jsonLines(worker).find(({ message }) => message === "Database"));
  assert.equal(line["databaseBytes"], report.databaseBytes);
  assert.equal(line["level"], "INFO");
  for (const [path, status] of [["/healthz", 200], ["/readyz", 200], ["/chat/", 404]] as const) {
    const response = await fetch(worker.origin + path);
    await response.body?.cancel();
    assert.equal(response.status, status, path);
  }
  worker.signal("SIGTERM");
  assert.equal((await worker.exited).code, 0);
  assert.deepEqual(
    jsonLines(worker).map(({ message }) => message).filter((message) => message !== "Database"),
    ["Working", "Stopping", "Stopped"],
  );
});

Deno.test("SIGTERM: a worker finishes what it runs, is not ready meanwhile, and exits with 0", async () => {
  await using db = await createTestDatabase();
  await using worker = await startWorker(db);
  await using opened = await openTasks(db.url, { migrate: false });
  let job;
  {
    await using _lock = await holdUpRetention(db);
    job = await opened.tasks.runSchedule("maru.retention");
    await until(async () => (await job!.status()).progress);
    worker.signal("SIGTERM");
    await until(async () => {
      const response = await fetch(`${worker.origin}/readyz`);
      return (await response.json()).status === "draining";
    });
    assert.equal((await job!.status()).state, "running");
  }
  assert.equal((await worker.exited).code, 0);
  const { state, result, attempt } = await job!.status();
  assert.deepEqual([state, result, attempt], ["done", { forgotten: 0, deleted: 1 }, 1]);
});

Deno.test("SIGTERM: a task that takes longer is given back, and runs elsewhere", async () => {
  await using db = await createTestDatabase();
  await using server = await startInstance({ databaseUrl: db.url, env: { WORKERS: "inline" } });
  await using opened = await openTasks(db.url, { migrate: false });
  const sweeping = await opened.tasks.delay(sweepTask, {});
  await until(async () => (await sweeping.status()).state === "running");
  server.signal("SIGTERM");
  assert.equal((await server.exited).code, 0);
  const { state, attempt } = await sweeping.status();
  // It is no failed attempt, so a task without retries runs again, too.
  assert.equal(state, "waiting", `${state} after attempt ${attempt}`);
  await using worker = await startWorker(db);
  await until(async () => (await sweeping.status()).state === "running");
  assert.ok(worker.pid !== server.pid);
});

Deno.test("SIGKILL: what a worker was doing runs again within 30 s", async () => {
  await using db = await createTestDatabase();
  await using dying = await startWorker(db);
  await using opened = await openTasks(db.url, { migrate: false });
  await using _lock = await holdUpRetention(db);
  const job = await opened.tasks.runSchedule("maru.retention");
  await until(async () => (await job!.status()).progress);
  await using _living = await startWorker(db);
  dying.signal("SIGKILL");
  await dying.exited;
  await until(async () => (await job!.status()).attempt === 2, START_LATE_MS);
});

Deno.test("a promise that a handler never awaited is logged, and ends nothing", async () => {
  await using db = await createTestDatabase();
  await using server = await startInstance({
    databaseUrl: db.url,
    flags: ["--preload", "tests/support/reject_on_signal.ts"],
  });
  server.signal("SIGUSR1");
  const line = await until(() => jsonLines(server).find(({ error }) => error === "Nobody waits"));
  assert.equal(line["level"], "ERROR");
  const response = await fetch(`${server.origin}/readyz`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
  server.signal("SIGTERM");
  assert.equal((await server.exited).code, 0);
});

Deno.test("a worker whose port is taken says so", async () => {
  await using db = await createTestDatabase();
  const port = freePort();
  await using _taken = await startInstance({ databaseUrl: db.url, port });
  await using worker = spawnInstance({ databaseUrl: db.url, port, env: { WORKERS: "only" } });
  assert.equal((await worker.exited).code, 1);
  assert.match(worker.logs(), /the port is taken; stop what uses it or set PORT/);
});

Deno.test("a database that was not migrated for background work is refused, with what to do", async () => {
  await using db = await createTestDatabase();
  await db.sql`drop schema tasks cascade`;
  await using server = spawnInstance({ databaseUrl: db.url, env: { MIGRATE: "off" } });
  assert.equal((await server.exited).code, 1);
  assert.match(server.logs(), /^Cannot serve this database: .*"tasks".*run `deno task migrate`/m);
});
