import assert from "node:assert/strict";
import { memoryBusNetwork } from "../../src/channels/mod.ts";
import { Hubs, IDLE_HUB_MS } from "../../src/chat/hubs.ts";
import { RoomLog } from "../../src/chat/room_log.ts";
import { Pool } from "../../src/db/pool.ts";
import { createTestDatabase } from "../support/database.ts";

Deno.test("a hub without sockets is let go after a while, one with sockets is not", async () => {
  await using db = await createTestDatabase();
  await db.sql`insert into rooms (name, key) values ('a', 'a'), ('b', 'b')`;
  await using readers = new Pool(db.url, { name: "maru-reader" });
  const errors: unknown[] = [];
  await using bus = memoryBusNetwork().bus();
  await using hubs = new Hubs({
    log: new RoomLog(readers),
    readers,
    bus,
    defer: (callback) => callback(),
    onError: (_, error) => errors.push(error),
  });
  const [idle, used] = [hubs.get(1), hubs.get(2)];
  assert.ok(await idle.open() && await used.open());
  used.join({
    userId: crypto.randomUUID(),
    joined: true,
    position: 0,
    send: () => {},
    reset: () => {},
    accessChanged: () => {},
    renamed: () => {},
    roomDeleted: () => {},
  });
  await hubs.sweep();
  assert.equal(hubs.size, 2);
  for (const hub of [idle, used]) hub.idleSince = performance.now() - IDLE_HUB_MS - 1;
  await hubs.sweep();
  assert.deepEqual([hubs.find(1), hubs.find(2)], [undefined, used]);
  assert.deepEqual(errors, []);
});

Deno.test("the hub of a room that does not exist says so", async () => {
  await using db = await createTestDatabase();
  await using readers = new Pool(db.url, { name: "maru-reader" });
  await using bus = memoryBusNetwork().bus();
  await using hubs = new Hubs({
    log: new RoomLog(readers),
    readers,
    bus,
    defer: (callback) => callback(),
    onError: () => {},
  });
  assert.equal(await hubs.get(7).open(), false);
});
