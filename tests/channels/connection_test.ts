import assert from "node:assert/strict";
import { Connection } from "../../src/channels/postgres/connection.ts";
import { createTestDatabase } from "../support/database.ts";

Deno.test("a statement that the server breaks off takes no other along, and leaves no gap", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  const broken = assert.rejects(
    connection.run((sql) => sql`select 10000 / (3000 - i) from generate_series(1, 5000) i`),
    /division by zero/,
  );
  const waiting = connection.run((sql) =>
    sql`select n, pg_sleep(0.1) from generate_series(7, 8) n`
  );
  await broken;
  assert.deepEqual((await waiting).map((row) => row["n"]), [7, 8]);
  await connection.close();
});
