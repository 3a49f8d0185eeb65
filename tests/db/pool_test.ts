import assert from "node:assert/strict";
import { Pool } from "../../src/db/pool.ts";
import { connectTasks, runStatement } from "../../src/tasks/database.ts";
import { createTestDatabase } from "../support/database.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

Deno.test("after an error in the middle of rows the next answer is whole", async () => {
  await using db = await createTestDatabase();
  await using pool = new Pool(db.url, { name: "maru-test" });
  await assert.rejects(
    pool.query((sql) => sql`select 10000 / (3000 - i) from generate_series(1, 5000) i`),
    /division by zero/,
  );
  const rows = await pool.query((sql) => sql`select n from generate_series(7, 8) n`);
  assert.deepEqual(rows.map((row) => row["n"]), [7, 8]);
  assert.equal(rows.length, 2);
});

Deno.test("after a connection that ended in the middle of rows the next answer is whole", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using pool = new Pool(through.href, { name: "maru-test" });
  const broken = assert.rejects(
    pool.query((sql) =>
      sql`select i, case when i = 3000 then pg_sleep(60) end from generate_series(1, 5000) i`
    ),
  );
  await until(async () => {
    const asleep = await db.sql`
      select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
    return asleep.length === 1;
  });
  proxy.cut();
  await broken;
  const [row] = await pool.query((sql) => sql`select 7 as n`);
  assert.deepEqual({ ...row }, { n: 7 });
});

Deno.test("the statements of background work are given whole answers, too", async () => {
  await using db = await createTestDatabase();
  const sql = connectTasks(db.url, { max: 1, prepare: true });
  await assert.rejects(
    runStatement(sql, "select 10000 / ($1::int - i) from generate_series(1, 5000) i", [3_000]),
    /division by zero/,
  );
  const { rows } = await runStatement(sql, "select $1::int as n", [7]);
  assert.deepEqual(rows.map((row) => ({ ...(row as object) })), [{ n: 7 }]);
  await sql.end();
});
