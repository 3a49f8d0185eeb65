import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { RoomClient } from "../support/room_client.ts";
import { startServer } from "../support/server.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

Deno.test("a socket that does not read is let go after ten seconds, and the room talks on", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using speaker = await RoomClient.open(server.wsOrigin, "lobby");
  await using deaf = await RoomClient.open(server.wsOrigin, "lobby");
  deaf.ws.pause();
  // More than the kernel takes in for it, and more than 1 MiB besides.
  const long = "x".repeat(8_000);
  for (let i = 0; i < 2_000; i++) speaker.say(long);
  await speaker.until(() => speaker.messages.length === 2_000);
  const startedAt = performance.now();
  while (server.sockets() === 2) {
    assert.ok(performance.now() - startedAt < 30_000, "it is still held");
    assert.equal((await speaker.ask("still talking")).type, "ack");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(performance.now() - startedAt > 5_000, "not at the first delay");
  deaf.ws.resume();
  assert.ok([4508, 1006].includes((await deaf.closed).code));
});

Deno.test("a peer that sends too much and does not answer the close is cut off", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  client.ws.pause();
  client.ws.send("x".repeat(1024 * 1024));
  const startedAt = performance.now();
  await until(() => server.sockets() === 0);
  assert.ok(performance.now() - startedAt > 4_000, "it had time to answer");
  client.ws.resume();
  assert.ok([1009, 1006].includes((await client.closed).code));
});

Deno.test("the database away for five seconds: what is typed waits, and is stored in order", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using server = await startServer(through.href);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await client.ask("before");
  proxy.refuse();
  proxy.cut();
  for (let i = 0; i < 10; i++) client.say(`typed ${i}`);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  assert.deepEqual(client.frames.filter((frame) => frame.type === "error"), []);
  proxy.resume();
  await client.until(() => client.messages.length === 11);
  assert.deepEqual(client.messages.slice(1).map((m) => m.message), [
    ...Array.from({ length: 10 }, (_, i) => `typed ${i}`),
  ]);
  assert.equal(client.frames.filter((frame) => frame.type === "ack").length, 11);
});
