import assert from "node:assert/strict";
import type postgres from "postgres";
import { Connection } from "../../src/channels/postgres/connection.ts";
import { Pool } from "../../src/db/pool.ts";
import { TasksDatabase } from "../../src/tasks/database.ts";
import { createTestDatabase } from "../support/database.ts";
import { findPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";

const pgbouncer = await findPgBouncer();
if (pgbouncer === null) console.warn("PgBouncer is not installed: its tests are skipped");

type Ask = (sql: Pick<postgres.Sql, "unsafe">) => PromiseLike<readonly { n?: number }[]>;

/** Those with a parameter are two messages to the server, those without are one. */
const asks = Array.from(
  { length: 100 },
  (_, n): Ask =>
    n % 2 === 0
      ? (sql) => sql.unsafe(`select ${n} as n`)
      : (sql) => sql.unsafe("select $1::int as n", [n]),
);

async function answers(query: (ask: Ask) => Promise<readonly { n?: number }[]>) {
  const rows = await Promise.all(asks.map(query));
  assert.deepEqual(rows.map((row) => row[0]?.n), asks.map((_, n) => n));
}

Deno.test({
  name: "through a pooler in transaction mode no answer is lost, however many ask at once",
  ignore: pgbouncer === null,
  async fn(t) {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url);
    const url = pooler.through(db.url);
    await t.step("of the application's pools", async () => {
      await using pool = new Pool(url, { name: "maru-test", prepare: false, max: 2 });
      await answers((ask) => pool.query(ask));
    });
    await t.step("of background work, with a transaction among them", async () => {
      const options = { url, directUrl: db.url, warn: () => {} };
      await using database = new TasksDatabase(options);
      const transaction = database.begin((tx) => Promise.resolve(tx.unsafe("select 1")));
      await answers((ask) => database.query(ask, 5_000));
      assert.equal((await transaction).length, 1);
    });
    await t.step("of the channel layer", async () => {
      const connection = new Connection({ url, directUrl: db.url }, "maru-test");
      await answers((ask) => connection.run(ask));
      await connection.close();
    });
  },
});
