import assert from "node:assert/strict";
import { createTestDatabase, databaseUrl, PrivateServer } from "../support/database.ts";
import { RoomClient } from "../support/room_client.ts";
import { startServer } from "../support/server.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

Deno.test("three instances, twenty rooms, thousands of sends with duplicates: one order, no gap, each id once", async () => {
  await using db = await createTestDatabase();
  await using one = await startServer(db.url);
  await using two = await startServer(db.url);
  await using three = await startServer(db.url);
  const servers = [one, two, three];
  const rooms = Array.from({ length: 20 }, (_, i) => `room-${i}`);
  for (const room of rooms) await db.sql`insert into rooms (name, key) values (${room}, ${room})`;
  const perClient = 50;
  await using clients = new AsyncDisposableStack();
  const all: { room: string; client: RoomClient; ids: string[] }[] = [];
  for (const room of rooms) {
    for (const server of servers) {
      const client = clients.use(await RoomClient.open(server.wsOrigin, room));
      all.push({ room, client, ids: Array.from({ length: perClient }, () => crypto.randomUUID()) });
    }
  }
  for (let i = 0; i < perClient; i++) {
    for (const { client, ids } of all) {
      client.say(`message ${i}`, ids[i]);
      // Every third is sent twice at once, every fifth again later.
      if (i % 3 === 0) client.say(`message ${i}`, ids[i]);
      if (i % 5 === 4) client.say(`message ${i - 4}`, ids[i - 4]);
    }
    // Lets the event loop interleave the instances.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const expected = perClient * servers.length;
  for (const { client, room, ids } of all) {
    await client.until(() => client.messages.length >= expected);
    const seqs = client.messages.map((message) => message.seq);
    assert.deepEqual(seqs, Array.from({ length: expected }, (_, i) => i + 1), room);
    assert.equal(new Set(client.messages.map((message) => message.id)).size, expected);
    const own = client.messages.filter((message) => ids.includes(message.id));
    assert.deepEqual(own.map((message) => message.id), ids, "stored as sent");
  }
  for (const room of rooms) {
    const views = all.filter((one) => one.room === room).map(({ client }) =>
      client.messages.map((message) => message.id)
    );
    assert.deepEqual(views[1], views[0]);
    assert.deepEqual(views[2], views[0]);
  }
  const [stored] = await db.sql`select count(*) from messages`;
  assert.equal(stored!["count"], expected * rooms.length);
  assert.deepEqual(servers.flatMap((server) => server.complaints), []);
});

Deno.test("a row lock on one room holds up that room only, and its messages come when it is free", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using held = await RoomClient.open(server.wsOrigin, "held");
  // Ids of rooms alternate between the two writers: two later is the same one.
  await using _other = await RoomClient.open(server.wsOrigin, "other");
  await using free = await RoomClient.open(server.wsOrigin, "free");
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = db.sql.begin(async (tx) => {
    await tx`select from rooms where key = 'held' for update`;
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  for (let i = 0; i < 3; i++) held.say(`waits ${i}`);
  for (let i = 0; i < 5; i++) assert.equal((await free.ask(`goes on ${i}`)).type, "ack");
  assert.equal(held.frames.filter((frame) => frame.type === "ack").length, 0);
  release.resolve();
  await holder;
  await held.until(() => held.messages.length === 3);
  assert.deepEqual(held.messages.map((message) => message.message), [
    "waits 0",
    "waits 1",
    "waits 2",
  ]);
});

Deno.test("one poisoned message fails alone", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await db.sql`alter table messages add constraint no_poison check (body <> 'poison')`;
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  const texts = ["one", "two", "poison", "three", "four"];
  client.send(
    texts.map((message) => JSON.stringify({ id: crypto.randomUUID(), message })).join("\n"),
  );
  await client.until(() => client.messages.length === 4);
  assert.deepEqual(client.messages.map((m) => m.message), ["one", "two", "three", "four"]);
  const errors = client.frames.filter((frame) => frame.type === "error");
  assert.deepEqual(errors.map((error) => error.code), ["internal"]);
});

Deno.test("a forged NOTIFY of another role is dropped, and the truth is delivered", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await client.ask("one");
  const role = `stranger_${crypto.randomUUID().slice(0, 8)}`;
  await db.sql.unsafe(`create role ${role}`);
  await db.sql.begin(async (tx) => {
    await tx.unsafe(`set local role ${role}`);
    await tx`select pg_notify('channels_all', 'AAAA')`;
    await tx`select pg_notify('channels_all', 's 1 x')`;
    await assert.rejects(tx.savepoint((sp) => sp`select * from channels.keys`), { code: "42501" });
    await assert.rejects(
      tx.savepoint((sp) => sp`select channels.group_send('maru.access', '{}')`),
      { code: "42501" },
    );
  });
  await db.sql.unsafe(`drop role ${role}`);
  assert.equal((await client.ask("two")).seq, 2);
  await client.until(() => client.messages.length === 2);
});

Deno.test("while the listener is down chat goes on, and no message is missed", async () => {
  await using db = await createTestDatabase();
  const proxy = startTcpProxy(Number(new URL(db.url).port));
  await using _proxy = proxy;
  const direct = new URL(db.url);
  direct.port = String(proxy.port);
  await using deaf = await startServer(db.url, { DATABASE_DIRECT_URL: direct.href });
  await using other = await startServer(db.url);
  await using listener = await RoomClient.open(deaf.wsOrigin, "lobby");
  await using speaker = await RoomClient.open(other.wsOrigin, "lobby");
  proxy.refuse();
  proxy.cut();
  for (let i = 0; i < 10; i++) await speaker.ask(`${i}`);
  await listener.until(() => listener.messages.length === 10);
  proxy.resume();
  for (let i = 10; i < 20; i++) await speaker.ask(`${i}`);
  await listener.until(() => listener.messages.length === 20);
  assert.deepEqual(listener.messages.map((m) => m.message), [...Array(20).keys()].map(String));
});

for (const [name, how] of [["stopped and started", "fast"], ["crashed", "immediate"]] as const) {
  Deno.test(`PostgreSQL is ${name} while people type: nothing acknowledged is lost, nothing doubled`, async () => {
    await using postgres = await PrivateServer.start();
    await using server = await startServer(postgres.url);
    await using client = await RoomClient.open(server.wsOrigin, "lobby");
    await using reader = await RoomClient.open(server.wsOrigin, "lobby");
    await client.ask("before");
    const down = postgres.stop(how);
    const ids = Array.from({ length: 20 }, (_, i) => client.say(`during ${i}`));
    await down;
    ids.push(client.say("while it is down"));
    await postgres.restart();
    await client.until(() =>
      ids.every((id) => client.frames.some((f) => f.id === id && f.type !== "message"))
    );
    const unanswered = ids.filter((id) =>
      client.frames.some((f) => f.id === id && f.type === "error")
    );
    for (const id of unanswered) {
      const text = client.frames.find((f) => f.id === id && f.type === "error");
      assert.ok(text.retry, `what was not stored can be sent again: ${JSON.stringify(text)}`);
    }
    assert.equal((await client.ask("after")).type, "ack");
    const acked = client.frames.filter((f) => f.type === "ack").map((ack) => ack.id);
    await reader.until(() => reader.messages.some((m) => m.message === "after"));
    const shown = reader.messages.map((m) => m.id);
    assert.equal(new Set(shown).size, shown.length, "nothing is shown twice");
    for (const id of acked) assert.ok(shown.includes(id), "what was acknowledged is shown");
    assert.deepEqual(reader.messages.map((m) => m.seq), shown.map((_, i) => i + 1));
  });
}

Deno.test("a network that swallows: messages fail visibly within the time they may wait, then go on", async () => {
  await using postgres = await PrivateServer.start();
  await using proxy = startTcpProxy(postgres.port);
  const through = new URL(databaseUrl(postgres.url, "maru"));
  through.port = String(proxy.port);
  await using server = await startServer(through.href);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await client.ask("before");
  proxy.swallow();
  const id = client.say("into the void");
  const error = await client.next((frame) => frame.type === "error");
  assert.deepEqual([error.code, error.id, error.retry], ["unknown", id, true]);
  assert.equal((await client.ask("later")).code, "out_of_order");
  proxy.resume();
  let answer = await client.ask("into the void", id);
  while (answer.type === "error" && answer.retry) answer = await client.ask("into the void", id);
  assert.equal(answer.type, "ack");
  await client.until(() => client.messages.length === 2);
  assert.deepEqual(client.messages.map((m) => m.message), ["before", "into the void"]);
});

Deno.test("the database lost for half a minute: what is typed fails visibly, and is stored once when sent again", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using server = await startServer(through.href);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await client.ask("before");
  const lostAt = performance.now();
  proxy.refuse();
  proxy.cut();
  const id = crypto.randomUUID();
  const readiness = async () =>
    (await fetch(`${server.origin}/readyz`).then((r) => r.json())).status;
  assert.equal(await readiness(), "degraded", "for ten seconds it may be a hiccup");
  for (let tries = 0; performance.now() - lostAt < 30_000; tries++) {
    const answer = await client.ask("typed meanwhile", id);
    assert.equal(answer.type, "error");
    assert.ok(["busy", "unknown"].includes(answer.code) && answer.retry, answer.code);
  }
  assert.equal(await readiness(), "unavailable");
  proxy.resume();
  let answer = await client.ask("typed meanwhile", id);
  while (answer.type === "error") answer = await client.ask("typed meanwhile", id);
  assert.deepEqual([answer.type, answer.seq], ["ack", 2]);
  await client.until(() => client.messages.length === 2);
  // The listener may come back a little later than the writer.
  await until(async () => await readiness() === "ok");
});
