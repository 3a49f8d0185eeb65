import assert from "node:assert/strict";
import { RoomLog } from "../../src/chat/room_log.ts";
import type { Append, AppendResult } from "../../src/chat/append.ts";
import { type Recheck, Writer } from "../../src/chat/writer.ts";
import { Pool } from "../../src/db/pool.ts";
import type { ErrorCode } from "../../src/protocol/codes.ts";
import { createTestDatabase } from "../support/database.ts";

const SENDER = { id: "11111111-1111-4111-8111-111111111111", name: "Ann" };

/** A writer on a database with the rooms 1 and 2. */
async function openWriter(recheck: Recheck = () => Promise.resolve(null)) {
  const stack = new AsyncDisposableStack();
  const db = stack.use(await createTestDatabase());
  await db.sql`insert into rooms (name, key) values ('a', 'a'), ('b', 'b')`;
  const pool = stack.use(new Pool(db.url, { name: "maru-writer" }));
  const errors: unknown[] = [];
  const delivered: [room: number, from: number, to: number][] = [];
  const histories = new Set<string>();
  const writer = stack.use(
    new Writer({
      log: new RoomLog(pool),
      pool,
      onStored: (room, runs, history) => {
        histories.add(history);
        for (const run of runs) delivered.push([room, run.from, run.to]);
      },
      recheck,
      onError: (_, error) => errors.push(error),
    }),
  );
  const append = (text: string, more: Partial<Append> = {}): Promise<AppendResult> => {
    const { promise, resolve } = Promise.withResolvers<AppendResult>();
    writer.enqueue({
      roomId: 1,
      id: crypto.randomUUID(),
      sender: SENDER,
      text,
      accessVersion: 1,
      settle: resolve,
      ...more,
    });
    return promise;
  };
  const texts = async () =>
    (await db.sql`select body from messages order by room_id, seq`).map((row) => row["body"]);
  return {
    db,
    append,
    texts,
    delivered,
    histories,
    errors,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

Deno.test("what arrives in one turn is one batch, delivered as one run before it is acknowledged", async () => {
  await using world = await openWriter();
  const results = await Promise.all(["a", "b", "c"].map((text) => world.append(text)));
  assert.deepEqual(results.map((result) => result.stored && result.seq), [1, 2, 3]);
  assert.deepEqual(world.delivered, [[1, 1, 3]]);
});

Deno.test("what was stored is told with the history in which it was", async () => {
  await using world = await openWriter();
  const { db, append, histories } = world;
  const known: string[] = [];
  const history = async () => known.push((await db.sql`select log_history() as h`)[0]!["h"]);
  await history();
  await Promise.all(["a", "b"].map((text) => append(text)));
  await db.sql`select begin_new_history(log_history())`;
  await history();
  await append("c");
  assert.deepEqual([...histories], known);
  assert.equal(new Set(known).size, 2);
});

Deno.test("whatever a text or a name is made of, it is stored as it was written", async () => {
  await using world = await openWriter();
  const texts = [
    '"',
    "\\",
    '\\"',
    "null",
    "NULL",
    "{}",
    "a,b",
    '","',
    " ",
    "line\r\nline\ttab",
    "$& $1 ${x}",
    "안녕 🙂",
    "\u2028\u0001",
  ];
  const name = 'An "n", \\ {null}';
  const results = await Promise.all(
    texts.map((text) => world.append(text, { sender: { ...SENDER, name } })),
  );
  assert.ok(results.every(({ stored }) => stored));
  assert.deepEqual(await world.texts(), texts);
  const names = await world.db.sql`select distinct sender_name as name from messages`;
  assert.deepEqual(names.map((row) => row["name"]), [name]);
});

Deno.test("a right withdrawn after the policy said yes: what was queued under it is not stored", async () => {
  const refusals = new Map<string, ErrorCode>([[SENDER.id, "not_allowed"]]);
  await using world = await openWriter(() => Promise.resolve({ accessVersion: 2, refusals }));
  await world.db.sql`update rooms set access_version = 2 where id = 1`;
  const friend = { id: "22222222-2222-4222-8222-222222222222", name: "Ben" };
  const results = await Promise.all([
    world.append("refused"),
    world.append("kept", { sender: friend }),
    world.append("other room", { roomId: 2 }),
  ]);
  assert.deepEqual(results.map((result) => result.stored || result.code), [
    "not_allowed",
    true,
    true,
  ]);
  assert.deepEqual(await world.texts(), ["kept", "other room"]);
});

Deno.test("messages allowed before and after a change of rights keep their order", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using world = await openWriter(async () => {
    asked.resolve();
    await answer.promise;
    return { accessVersion: 2, refusals: new Map() };
  });
  await world.db.sql`update rooms set access_version = 2 where id = 1`;
  const early = [world.append("1"), world.append("2", { accessVersion: 2 }), world.append("3")];
  await asked.promise;
  const late = world.append("4", { accessVersion: 2 });
  answer.resolve();
  await Promise.all([...early, late]);
  assert.deepEqual(await world.texts(), ["1", "2", "3", "4"]);
});

Deno.test("a room deleted under its messages refuses them", async () => {
  await using world = await openWriter();
  await world.db.sql`delete from rooms where id = 1`;
  const result = await world.append("too late");
  assert.equal(!result.stored && result.code, "no_such_room");
});

Deno.test("what is not in flight is dropped when its socket closes", async () => {
  await using world = await openWriter();
  const origin = { closed: false, accepts: () => true };
  let settled = 0;
  void world.append("dropped", { origin, settle: () => settled++ });
  origin.closed = true;
  assert.ok((await world.append("stored")).stored);
  assert.deepEqual([await world.texts(), settled], [["stored"], 0]);
});

Deno.test("a batch is at most 500 messages and 1 MiB", async () => {
  await using world = await openWriter();
  await Promise.all(Array.from({ length: 501 }, (_, i) => world.append(`${i}`)));
  assert.deepEqual(world.delivered, [[1, 1, 500], [1, 501, 501]]);
  world.delivered.length = 0;
  const long = "x".repeat(8_000);
  await Promise.all(Array.from({ length: 150 }, () => world.append(long, { roomId: 2 })));
  assert.equal(world.delivered.length, 2, "150 × 8,300 bytes are more than one batch");
});

Deno.test("a connection that dies under a batch: everything is stored once", async () => {
  await using world = await openWriter();
  await world.append("before");
  const killed = world.db.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'maru-writer' and datname = current_database()`;
  const results = await Promise.all([
    killed,
    ...Array.from({ length: 50 }, (_, i) => world.append(`${i}`)),
  ]);
  assert.ok(results.slice(1).every((result) => (result as AppendResult).stored));
  assert.deepEqual(await world.texts(), [
    "before",
    ...Array.from({ length: 50 }, (_, i) => `${i}`),
  ]);
});
