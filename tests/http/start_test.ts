import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { freePort, spawnInstance, startInstance } from "../support/instance.ts";
import { RoomClient } from "../support/room_client.ts";

async function failsToStart(databaseUrl: string, env: Record<string, string> = {}) {
  await using instance = spawnInstance({ databaseUrl, env });
  const { code } = await instance.exited;
  return { code, logs: instance.logs() };
}

Deno.test("a server that cannot start says in one line what to do", async () => {
  await using db = await createTestDatabase();
  const nobody = await failsToStart(`postgres://postgres@127.0.0.1:${freePort()}/maru`);
  assert.equal(nobody.code, 1);
  assert.match(nobody.logs, /database at DATABASE_URL cannot be reached/);
  const wrong = await failsToStart("http://localhost", { PORT: "x", GUESTS: "maybe" });
  assert.match(wrong.logs, /DATABASE_URL: Must be a postgres/);
  assert.match(wrong.logs, /PORT: Must be a whole number/);
  assert.match(wrong.logs, /GUESTS/);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = await failsToStart(db.url, { PORT: String(listener.addr.port) });
  assert.match(taken.logs, /the port is taken/);
  await db.sql`delete from schema_migrations where version = 7`;
  const older = await failsToStart(db.url, { MIGRATE: "off" });
  assert.match(older.logs, /lacks 0007_append_columns.sql; run `deno task migrate`/);
  await db.sql`update installation set min_server = 999`;
  const newer = await failsToStart(db.url, { MIGRATE: "off" });
  assert.match(newer.logs, /needs a server of level 999.*deploy a newer Maru/);
});

Deno.test("SIGTERM: not ready any more, sockets told to come back, exit 0", async () => {
  await using db = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: db.url });
  await using client = await RoomClient.open(instance.wsOrigin, "lobby");
  await client.ask("kept");
  instance.signal("SIGTERM");
  assert.equal((await client.closed).code, 4501);
  assert.equal((await instance.exited).code, 0);
  const [row] = await db.sql`select count(*) from messages`;
  assert.equal(row!["count"], 1);
  for (const line of instance.logs().trim().split("\n")) {
    assert.equal(typeof JSON.parse(line).instance, "string", "JSON lines with the instance");
  }
});

Deno.test("what a killed instance acknowledged is there for whoever comes back to another one", async () => {
  await using db = await createTestDatabase();
  await using dying = await startInstance({ databaseUrl: db.url });
  await using living = await startInstance({ databaseUrl: db.url });
  await using client = await RoomClient.open(dying.wsOrigin, "lobby");
  await using witness = await RoomClient.open(living.wsOrigin, "lobby");
  const first = await client.ask("one");
  for (let i = 0; i < 10; i++) client.say(`more ${i}`);
  await client.next((frame) => frame.type === "ack" && frame.seq > 3);
  dying.signal("SIGKILL");
  await client.closed;
  const acked = client.frames.filter((frame) => frame.type === "ack");
  const query = `?after=${first.position}&epoch=${client.welcome.epoch}`;
  await using back = await RoomClient.open(living.wsOrigin, "lobby", { query });
  await back.until(() => back.messages.length >= acked.length - 1);
  await witness.until(() => witness.messages.length >= acked.length);
  for (const { id, seq } of acked.slice(1)) {
    assert.equal(back.messages.find((message) => message.id === id)?.seq, seq);
  }
  assert.deepEqual(witness.messages.map((m) => m.seq), witness.messages.map((_, i) => i + 1));
});
