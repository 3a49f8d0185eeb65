import assert from "node:assert/strict";
import { memoryBusNetwork } from "../../src/channels/mod.ts";
import { storedEntry } from "../../src/chat/append.ts";
import { Hubs, IDLE_HUB_MS } from "../../src/chat/hubs.ts";
import { RoomLog } from "../../src/chat/room_log.ts";
import { Run } from "../../src/chat/run.ts";
import { Pool } from "../../src/db/pool.ts";
import { createTestDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

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

Deno.test("hints of a lost history are not shown to those who were told of the new one", async () => {
  await using db = await createTestDatabase();
  await db.sql`insert into rooms (name, key) values ('a', 'a')`;
  await using readers = new Pool(db.url, { name: "maru-reader" });
  await using writer = new Pool(db.url, { name: "maru-writer" });
  const network = memoryBusNetwork();
  const log = new RoomLog(readers);
  const errors: unknown[] = [];
  const open = async () => {
    const bus = network.bus();
    const hubs = new Hubs({
      log,
      readers,
      bus,
      defer: (callback) => callback(),
      onError: (_, error) => errors.push(error),
    });
    const told: string[] = [];
    const hub = hubs.get(1);
    await hub.open();
    hub.join({
      userId: crypto.randomUUID(),
      joined: true,
      position: hub.position,
      send: (frame) => told.push(new TextDecoder().decode(frame.subarray(4))),
      reset: (reason, _, position) => told.push(`${reason} ${position}`),
      accessChanged: () => {},
      renamed: () => {},
      roomDeleted: () => {},
    });
    return {
      hubs,
      told,
      [Symbol.asyncDispose]: async () => {
        await hubs[Symbol.asyncDispose]();
        await bus[Symbol.asyncDispose]();
      },
    };
  };
  const append = async (text: string) => {
    const item = {
      roomId: 1,
      id: crypto.randomUUID(),
      sender: { id: crypto.randomUUID(), name: "Ann" },
      text,
      accessVersion: 1,
    };
    const [row] = await log.append(writer, [item]);
    return { run: Run.of([storedEntry({ ...item, settle: () => {} }, row!)!]), row: row! };
  };
  await using late = await open();
  await using other = await open();

  const lost = await append("lost");
  // The database is put back: the message is gone, and the history with it.
  await db.sql`delete from messages`;
  await db.sql`update rooms set last_seq = 0, last_position = 0`;
  await db.sql`select begin_new_history(log_history())`;
  await Promise.all([late.hubs.sweep(), other.hubs.sweep()]);
  const kept = await append("kept");
  assert.equal(kept.run.from, lost.run.from, "the same position, told late and told now");
  late.hubs.publish(1, [lost.run], lost.row.history!);
  late.hubs.publish(1, [kept.run], kept.row.history!);
  await until(() => late.told.length > 1 && other.told.length > 1);
  for (const { told } of [late, other]) {
    assert.deepEqual(
      told.map((line) => line.startsWith("{") ? JSON.parse(line).message : line),
      ["epoch 0", "kept"],
    );
  }

  // Told of a history that it does not know, a hub asks the database at once.
  await db.sql`select begin_new_history(log_history())`;
  const next = await append("next");
  other.hubs.publish(1, [next.run], next.row.history!);
  await until(() => late.told.length > 2 && other.told.length > 2);
  assert.deepEqual([late.told[2], other.told[2]], ["epoch 2", "epoch 2"]);
  assert.deepEqual(errors, []);
});
