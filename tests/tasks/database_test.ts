import assert from "node:assert/strict";
import { PgBoss } from "pg-boss";
import { DatabaseTimeoutError } from "../../src/db/errors.ts";
import { connectTasks, TasksDatabase } from "../../src/tasks/database.ts";
import { SoloConnection } from "../../src/tasks/solo_connection.ts";
import { migrateTasks, TASKS_SCHEMA } from "../../src/tasks/migrate.ts";
import { createTestDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

Deno.test("pg-boss does all its own work through the adapter: expiry, deletion, indexes", async () => {
  await using database = await createTestDatabase();
  const { url, sql } = database;
  await migrateTasks(url);
  await migrateTasks(url);
  const problems: unknown[] = [];
  const warn = (...problem: unknown[]) => problems.push(problem);
  await using db = new TasksDatabase({ url, directUrl: url, warn });
  const boss = new PgBoss({
    db,
    schema: TASKS_SCHEMA,
    schedule: false,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    maintenanceIntervalSeconds: 1,
  });
  boss.on("error", (error) => problems.push(error));
  await boss.start();
  try {
    await boss.createQueue("a", { policy: "exclusive", notify: true });
    await boss.updateQueue("a", { retryLimit: 7 });
    assert.equal((await boss.getQueue("a"))?.retryLimit, 7);
    const options = { expireInSeconds: 1, retryLimit: 0, deleteAfterSeconds: 1 };
    await boss.insert("a", [{ data: { text: "it's" }, singletonKey: "1", ...options }]);
    const [job] = await boss.fetch<{ text: string }>("a");
    assert.deepEqual(job?.data, { text: "it's" });
    const states = () => sql`select state from tasks.job`;
    await until(async () => (await states())[0]?.["state"] === "failed");
    await until(async () => (await states()).length === 0);
    await boss.supervise(undefined, { reindex: { force: true } });
    assert.equal((await boss.detectSchemaDrift()).ok, true);
  } finally {
    await boss.stop({ graceful: false });
  }
  assert.deepEqual(problems, []);
});

Deno.test("a statement without an answer takes its connections along, and the next one gets new ones", async () => {
  await using database = await createTestDatabase();
  const { url } = database;
  await using db = new TasksDatabase({ url, directUrl: url, warn: () => {} });
  const stuck = db.query((sql) => sql`select pg_sleep(60)`, 200);
  await assert.rejects(stuck, { name: "DatabaseTimeoutError" });
  const [row] = await db.query((sql) => sql`select 1 as one`);
  assert.equal(row!["one"], 1);
  await assert.rejects(db.executeSql("begin; select 1 / 0; commit"), /division by zero/);
  assert.deepEqual((await db.executeSql("select $1::int as n", [2])).rows, [{ n: 2 }]);
});

/** The database of background work, and what ends its connections that are busy. */
async function openDatabase() {
  const stack = new AsyncDisposableStack();
  const { url, sql } = stack.use(await createTestDatabase());
  const options = { url, directUrl: url, warn: () => {} };
  const database = stack.use(new TasksDatabase(options));
  const cut = () =>
    until(async () => {
      const ended = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'maru-tasks'
          and (wait_event = 'PgSleep' or state = 'idle in transaction')`;
      return ended.length > 0;
    });
  return { url, database, sql, cut, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("a script whose connection is lost fails, and is not left half done", async () => {
  await using world = await openDatabase();
  const { database, sql, cut } = world;
  await sql`create table done (n int)`;
  const script = "begin; insert into done values (1); select pg_sleep(60); commit";
  const broken = assert.rejects(
    database.executeSql(script),
    /terminating connection|CLOSED|was lost/,
  );
  await cut();
  await broken;
  await database.executeSql("begin; insert into done values (2); commit");
  await assert.rejects(
    database.executeSql("begin; insert into done values (3); select 1 / 0; commit"),
    /division by zero/,
  );
  const { rows } = await database.executeSql("select n from done where n < $1", [9]);
  assert.deepEqual(rows.map((row) => ({ ...(row as object) })), [{ n: 2 }]);
});

Deno.test("nothing of a transaction whose connection is lost is done on another", async () => {
  await using world = await openDatabase();
  const { database, sql, cut } = world;
  await sql`create table done (n int)`;
  for (const filler of ["", "x".repeat(2_000)]) {
    await assert.rejects(
      database.begin(async (tx) => {
        await tx.unsafe("insert into done values (1)");
        await cut();
        // Whether it has been noticed yet or not.
        await assert.rejects(
          Promise.resolve(tx.unsafe(`insert into done values (2) /* ${filler} */`)),
        );
        await tx.unsafe("insert into done values (3)");
      }),
      /terminating connection|CLOSED|was lost/,
    );
  }
  await assert.rejects(
    database.begin(async (tx) => {
      await tx.unsafe("insert into done values (4)");
      throw new Error("not like this");
    }),
    /not like this/,
  );
  await assert.rejects(
    database.begin(async (tx) => {
      await tx.unsafe("insert into done values (4)");
      await assert.rejects(Promise.resolve(tx.unsafe("select 1 / 0")));
    }),
    /Cannot commit/,
  );
  await database.begin((tx) => Promise.resolve(tx.unsafe("insert into done values (5)")));
  assert.deepEqual((await sql`select n from done`).map((row) => row["n"]), [5]);
});

Deno.test("what takes too long in a transaction ends with it, and the next one has its turn", async () => {
  await using world = await openDatabase();
  const solo = new SoloConnection(() => connectTasks(world.url, { max: 1, prepare: true }));
  await assert.rejects(
    solo.run((query) => query((sql) => sql`select pg_sleep(60)`), 200),
    DatabaseTimeoutError,
  );
  const [row] = await solo.run((query) => query((sql) => sql`select 7 as n`), 5_000);
  assert.equal(row!["n"], 7);
});

Deno.test("closing ends what is under way, and waits until nothing is left of it", async () => {
  await using world = await openDatabase();
  const open = () => new SoloConnection(() => connectTasks(world.url, { max: 1, prepare: true }));
  const one = (solo: SoloConnection) => solo.run((query) => query((sql) => sql`select 1`), 5_000);
  const slow = open();
  const outcomes = Promise.allSettled([
    slow.run((query) => query((sql) => sql`select pg_sleep(60)`), 60_000),
    one(slow),
  ]);
  await slow[Symbol.asyncDispose]();
  for (const { status } of await outcomes) assert.equal(status, "rejected");
  await assert.rejects(one(slow), /was lost/);
  // At every moment of a run; what it leaves behind the test runner's own sanitizers find.
  for (let turns = 0; turns < 30; turns++) {
    const solo = open();
    const done = Promise.withResolvers<void>();
    const running = solo.run(async (query) => {
      await query((sql) => sql`select 1`);
      done.resolve();
    }, 5_000).catch(() => {});
    await done.promise;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await solo[Symbol.asyncDispose]();
    let settled = false;
    void running.then(() => settled = true);
    await Promise.resolve();
    assert.ok(settled, `after ${turns} turns`);
  }
});

Deno.test("arrays of texts, ids and numbers come and go whole, without asking for their types", async () => {
  await using world = await openDatabase();
  const texts = ['a "b"', "c\\d", "e,f", "{g}", "", "null", " h ", "한글\n"];
  const ids = [crypto.randomUUID(), crypto.randomUUID()];
  const { rows } = await world.database.executeSql(
    "select $1::text[] as texts, $2::uuid[] as ids, $3::int[] as numbers, $4::text[] as none",
    [texts, ids, [1, -2, 3], []],
  );
  assert.deepEqual({ ...(rows[0] as object) }, { texts, ids, numbers: [1, -2, 3], none: [] });
});
