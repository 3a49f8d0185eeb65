import assert from "node:assert/strict";
import { migrateChannels } from "../../src/channels/mod.ts";
import { migrate } from "../../src/db/migrations.ts";
import { connect } from "../../src/db/pool.ts";
import { createTestDatabase, databaseUrl } from "../support/database.ts";

/** A database without anything. */
async function emptyDatabase() {
  const server = Deno.env.get("TEST_DATABASE_URL")!;
  const admin = connect(server, { name: "maru-test-admin" });
  const name = `empty_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin.unsafe(`create database ${name} template template0`);
  return {
    url: databaseUrl(server, name),
    async [Symbol.asyncDispose]() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

Deno.test("many instances migrate an empty database at once, each step is applied once", async () => {
  await using db = await emptyDatabase();
  const applied: string[] = [];
  const log = (line: string) => applied.push(line);
  await Promise.all(Array.from({ length: 6 }, async () => {
    await migrateChannels(db.url, { log });
    await migrate(db.url, { log });
  }));
  assert.equal(new Set(applied).size, applied.length);
  assert.ok(applied.length >= 6);
  applied.length = 0;
  await migrate(db.url, { log });
  assert.deepEqual(applied, [], "and no more the next time");
});

Deno.test("a migration that changed after it was applied is refused", async () => {
  await using db = await createTestDatabase();
  await db.sql`update schema_migrations set checksum = 'other' where version = 2`;
  await assert.rejects(migrate(db.url), /0002_create_rooms.sql was changed after it was applied/);
});

Deno.test("a migration that fails leaves nothing behind", async () => {
  await using db = await createTestDatabase();
  const directory = await Deno.makeTempDir();
  for await (const { name } of Deno.readDir("migrations")) {
    await Deno.copyFile(`migrations/${name}`, `${directory}/${name}`);
  }
  await Deno.writeTextFile(
    `${directory}/9999_broken.sql`,
    "create table half (a int); select 1/0;",
  );
  await assert.rejects(migrate(db.url, { directory }), /Cannot apply 9999_broken.sql/);
  const [row] = await db.sql`
    select to_regclass('half') as made, (select max(version) from schema_migrations) as version`;
  assert.equal(row!["made"], null);
  assert.notEqual(row!["version"], 9999);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a schema that needs a newer server is refused", async () => {
  await using db = await createTestDatabase();
  await db.sql`update installation set min_server = 2`;
  await assert.rejects(migrate(db.url), /needs a server of level 2, this one is level 1/);
});
