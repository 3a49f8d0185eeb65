import assert from "node:assert/strict";
import { z } from "zod";
import { crontab, defineTask, TaskAbortError } from "../../src/tasks/mod.ts";
import { createTestDatabase, PrivateServer } from "../support/database.ts";
import { findPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { openTasks } from "./open_tasks.ts";
import { until } from "../support/until.ts";
import { processTasks } from "./process_tasks.ts";
import { spawnWorker } from "./spawn_worker.ts";

const RUNS = "create table runs (job uuid, pid int, at timestamptz default now())";

Deno.test("three workers do 5,000 tasks though one is killed: none is lost, few are done twice", async () => {
  await using database = await createTestDatabase();
  const { sql, url } = database;
  await sql.unsafe(RUNS);
  await using opened = await openTasks(url);
  const { count } = processTasks(sql);
  const names = ["count"];
  await using one = await spawnWorker({ url, names });
  await using two = await spawnWorker({ url, names });
  await using three = await spawnWorker({ url, names });
  const jobs = await opened.tasks.delayMany(count, Array.from({ length: 5_000 }, (_, n) => n));
  await until(async () => {
    const [row] = await sql`select count(*) as runs from runs`;
    return row!["runs"] > 1_000;
  });
  three.kill("SIGKILL");
  const killedAt = performance.now();
  await three.status;
  const [held] = await sql`select count(*) as jobs from tasks.job where state = 'active'`;
  assert.ok(held!["jobs"] <= 30, `${held!["jobs"]} jobs were held`);
  await until(async () => {
    const [row] = await sql`select count(*) as jobs from tasks.job where state <> 'completed'`;
    return row!["jobs"] === 0;
  }, 30_000);
  assert.ok(performance.now() - killedAt < 30_000);

  const runs = await sql<{ job: string; runs: number; dead: boolean }[]>`
    select job, count(*) as runs, bool_or(pid = ${three.pid}) as dead from runs group by job`;
  assert.deepEqual(
    new Set(runs.map(({ job }) => job)),
    new Set(jobs.map(({ id }) => id)),
    "none is lost",
  );
  const twice = runs.filter(({ runs }) => runs > 1);
  assert.ok(twice.every(({ dead, runs }) => dead && runs === 2), JSON.stringify(twice));
  assert.ok(twice.length <= 10, `${twice.length} were done twice`);
  const workers = await sql`select distinct pid from runs`;
  assert.equal(workers.length, 3);
  void [one, two];
});

Deno.test("a task that ends its process does so no more often than it may be tried", async () => {
  await using database = await createTestDatabase();
  const { sql, url } = database;
  await sql.unsafe(RUNS);
  const deadAfterMs = 2_000;
  await using opened = await openTasks(url, { deadAfterMs });
  const { tasks } = opened;
  tasks.work([]);
  const { exit } = processTasks(sql);
  const job = await tasks.delay(exit, {});
  for (let attempt = 1; attempt <= 2; attempt++) {
    await using worker = await spawnWorker({ url, names: ["exit"], deadAfterMs });
    assert.equal((await worker.status).code, 3);
  }
  await assert.rejects(job.result(), /The worker that ran it was lost/);
  assert.equal((await sql`select from runs`).length, 2);
  assert.equal((await job.status()).error?.name, "WorkerLostError");
});

Deno.test("a worker that is told to stop gives back what does not end, to run elsewhere at once", async () => {
  await using database = await createTestDatabase();
  const { sql, url } = database;
  await sql.unsafe(RUNS);
  await using opened = await openTasks(url);
  const { tasks } = opened;
  const { hang } = processTasks(sql);
  const job = await tasks.delay(hang, { firstOnly: true });
  await using worker = await spawnWorker({ url, names: ["hang"], stopTimeoutMs: 100 });
  await until(async () => (await sql`select from runs`).length === 1);
  tasks.work([hang]);
  worker.kill("SIGTERM");
  const startedAt = performance.now();
  assert.equal(await job.result(), 2);
  assert.ok(performance.now() - startedAt < 3_000);
  assert.equal((await worker.status).code, 0);
  // To be given back costs no attempt.
  assert.equal((await job.status()).retries, 4);
});

Deno.test("a worker that cannot be is refused", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const task = defineTask({ name: "task", input: z.number(), run: (n) => n });
  for (const concurrency of [0, 1.5, NaN]) {
    assert.throws(() => tasks.work([task], { concurrency }), RangeError);
  }
  assert.throws(() => tasks.work([task, { ...task }]), /Cannot work: there are two tasks "task"/);
});

Deno.test("a worker that stops lets what runs end, and starts nothing more", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const going = Promise.withResolvers<void>();
  const started: number[] = [];
  const reasons: unknown[] = [];
  const slow = defineTask({
    name: "slow",
    input: z.number(),
    async run(n, { signal }) {
      started.push(n);
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      if (n === 3) await new Promise(() => {});
      await going.promise;
      return n;
    },
  });
  const stop = new AbortController();
  const worker = tasks.work([slow], { signal: stop.signal, concurrency: 1 });
  const first = await tasks.delay(slow, 1);
  const second = await tasks.delay(slow, 2);
  await until(() => started.length === 1);
  stop.abort();
  going.resolve();
  await worker.stop();
  assert.equal(await first.result(), 1);
  assert.deepEqual(started, [1]);
  assert.equal(reasons.length, 0);
  assert.equal((await second.status()).state, "waiting");

  await second.cancel();
  const stubborn = await tasks.delay(slow, 3);
  const other = tasks.work([slow], { stopTimeoutMs: 50 });
  await until(() => started.length === 2);
  const stoppedAt = performance.now();
  await other.stop();
  assert.ok(performance.now() - stoppedAt < 3_000, "it does not wait for what does not end");
  assert.ok(reasons[0] instanceof TaskAbortError && reasons[0].why === "stopped");
  const { state, error } = await stubborn.status();
  assert.deepEqual([state, error], ["waiting", undefined]);
});

Deno.test("an instance takes no more than three connections, and two when it does not work", async () => {
  await using database = await createTestDatabase();
  const { sql, url } = database;
  const connections = async () => {
    const [row] = await sql`
      select count(*) as n from pg_stat_activity
      where datname = current_database() and application_name in ('maru-tasks', 'maru-listener')`;
    return row!["n"] as number;
  };
  {
    await using opened = await openTasks(url);
    const { tasks } = opened;
    const add = defineTask({ name: "add", input: z.number(), run: (n) => n + 1 });
    const delayed = await Promise.all(
      Array.from({ length: 20 }, (_, n) => tasks.delay(add, n)),
    );
    assert.ok(await connections() <= 2, `${await connections()}`);
    tasks.work([add]);
    await Promise.all(delayed.map((job) => job.result()));
    await until(async () => await connections() === 3);
  }
  await until(async () => await connections() === 0);
});

Deno.test("a worker whose listener is ended goes on, and listens again", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const add = defineTask({ name: "add", input: z.number(), run: (n) => n + 1 });
  tasks.work([add]);
  const listener = async () => {
    const [row] = await database.sql`
      select pid from pg_stat_activity
      where datname = current_database() and application_name = 'maru-listener'
        and query <> '' and state = 'idle'`;
    return row?.["pid"] as number | undefined;
  };
  const pid = await until(listener);
  await database.sql`select pg_terminate_backend(${pid})`;
  const job = await tasks.delay(add, 1);
  assert.equal(await job.result({ timeout: 5_000 }), 2);
  const again = await until(listener);
  assert.notEqual(again, pid);
});

const pgbouncer = await findPgBouncer();
if (pgbouncer === null) console.warn("PgBouncer is not installed: its test is skipped");

Deno.test({
  name: "through a pooler in transaction mode all goes on, with the listener on the direct URL",
  ignore: pgbouncer === null,
  async fn() {
    await using database = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, database.url);
    await using opened = await openTasks(pooler.through(database.url), {
      directUrl: database.url,
    });
    const { tasks, warnings } = opened;
    const add = defineTask({ name: "add", input: z.number(), run: (n) => n + 1 });
    tasks.work([add]);
    const jobs = await tasks.delayMany(add, Array.from({ length: 100 }, (_, n) => n));
    const results = await Promise.all(jobs.map((job) => job.result()));
    assert.equal(results.reduce((sum, n) => sum + n), 5_050);
    await tasks.schedule("it", crontab({ minute: 0 }), add, 1);
    await database.sql`update tasks.schedules set next_at = now()`;
    await until(async () => (await tasks.list({ state: "done", limit: 200 })).length === 101);
    assert.deepEqual(warnings, []);
  },
});

Deno.test("many instances may begin at once on an empty database", async () => {
  await using database = await createTestDatabase();
  const opened = await Promise.all(Array.from({ length: 8 }, () => openTasks(database.url)));
  assert.deepEqual(opened.flatMap(({ warnings }) => warnings), []);
  await Promise.all(opened.map((one) => one[Symbol.asyncDispose]()));
});

Deno.test("it begins while the database is away, and outlives its restart with what runs", async () => {
  await using server = await PrivateServer.start();
  await server.stop();
  const opening = openTasks(server.url);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await server.restart();
  await using opened = await opening;
  const { tasks, warnings } = opened;
  const going = Promise.withResolvers<void>();
  let runs = 0;
  const slow = defineTask({
    name: "slow",
    input: z.number(),
    async run(n) {
      runs++;
      if (n === 1) await going.promise;
      return n;
    },
  });
  tasks.work([slow]);
  const job = await tasks.delay(slow, 1);
  const waiting = job.result();
  await until(() => runs === 1);
  await server.stop("immediate");
  going.resolve();
  await assert.rejects(tasks.delay(slow, 2));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await server.restart();
  assert.equal(await waiting, 1);
  assert.equal(runs, 1);
  const again = await until(() => tasks.delay(slow, 3).catch(() => undefined), 5_000);
  assert.equal(await again.result({ timeout: 5_000 }), 3);
  assert.ok(warnings.length > 0 && warnings.length < 20, warnings.join("\n"));
});
