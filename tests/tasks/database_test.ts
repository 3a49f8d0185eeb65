import assert from "node:assert/strict";
import { PgBoss } from "pg-boss";
import { TasksDatabase } from "../../src/tasks/database.ts";
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
