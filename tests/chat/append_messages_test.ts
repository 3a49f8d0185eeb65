import assert from "node:assert/strict";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const SENDER = "11111111-1111-4111-8111-111111111111";

interface Item {
  room_id?: number;
  id?: string;
  sender_id?: string;
  body?: string;
  reply_to?: number;
  access_version?: number;
}

async function makeRoom(db: TestDatabase, name: string): Promise<number> {
  const [row] = await db.sql`insert into rooms (name, key) values (${name}, ${name}) returning id`;
  return row!["id"] as number;
}

async function append(db: TestDatabase, room: number, ...items: Item[]) {
  const full = items.map((item) => ({
    room_id: room,
    id: crypto.randomUUID(),
    sender_id: SENDER,
    sender_name: "Ann",
    body: "hello",
    ...item,
  }));
  return await db.sql`select * from append_messages(${JSON.stringify(full)}::text::json)`;
}

const outcomes = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row["outcome"]);

Deno.test("messages of a batch get numbers without gaps, in the order given", async () => {
  await using db = await createTestDatabase();
  const [a, b] = [await makeRoom(db, "a"), await makeRoom(db, "b")];
  const rows = await append(db, a, {}, { room_id: b }, {}, { room_id: b }, {});
  assert.deepEqual(rows.map((row) => row["seq"]), [1, 1, 2, 2, 3]);
  assert.deepEqual(rows.map((row) => row["position"]), [1, 1, 2, 2, 3]);
});

Deno.test("a message sent twice is stored once, with the same numbers", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const id = crypto.randomUUID();
  const [first] = await append(db, room, { id });
  const [again] = await append(db, room, { id });
  assert.deepEqual([first!["outcome"], again!["outcome"]], ["stored", "duplicate"]);
  assert.equal(again!["seq"], first!["seq"]);
  assert.deepEqual(again!["created_at"], first!["created_at"]);
});

Deno.test("the same id with another text or sender is refused, across batches and within one", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const id = crypto.randomUUID();
  const stranger = crypto.randomUUID();
  assert.deepEqual(
    outcomes(
      await append(db, room, { id }, { id, body: "other" }, { id, sender_id: stranger }, { id }),
    ),
    ["stored", "id_conflict", "id_conflict", "duplicate"],
  );
  assert.deepEqual(
    outcomes(await append(db, room, { id, body: "other" }, { id, reply_to: 1 })),
    ["id_conflict", "id_conflict"],
  );
  const [count] = await db.sql`select count(*) from messages`;
  assert.equal(count!["count"], 1);
});

Deno.test("of two equal ids in a batch the second shares the fate of the first", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const id = crypto.randomUUID();
  const stale = { id, access_version: 9 };
  const rows = await append(db, room, {}, stale, {}, stale, {});
  assert.deepEqual(outcomes(rows), [
    "stored",
    "access_changed",
    "stored",
    "access_changed",
    "stored",
  ]);
  assert.deepEqual(rows.map((row) => row["seq"]), [1, null, 2, null, 3]);
});

Deno.test("of two equal ids in a batch the second does not overtake when the first is refused for good", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const id = crypto.randomUUID();
  const rows = await append(
    db,
    room,
    { id, reply_to: 99 },
    {},
    { id, reply_to: 99 },
    { id },
  );
  assert.deepEqual(outcomes(rows), ["no_such_reply", "stored", "no_such_reply", "id_conflict"]);
  assert.deepEqual(rows.map((row) => row["seq"]), [null, 1, null, null]);
});

Deno.test("the same id in another room is another message", async () => {
  await using db = await createTestDatabase();
  const [a, b] = [await makeRoom(db, "a"), await makeRoom(db, "b")];
  const id = crypto.randomUUID();
  assert.deepEqual(outcomes(await append(db, a, { id }, { id, room_id: b })), ["stored", "stored"]);
});

Deno.test("an edited message is still recognised when it is sent again", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const id = crypto.randomUUID();
  await append(db, room, { id });
  await db.sql`select append_change(${room}, ${crypto.randomUUID()}, 1, 'edit', ${SENDER}, 'new')`;
  assert.deepEqual(outcomes(await append(db, room, { id }, { id, body: "new" })), [
    "duplicate",
    "id_conflict",
  ]);
});

Deno.test("a room that is gone, an old access version and an unknown reply are told apart", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const rows = await append(
    db,
    room,
    { room_id: 999_999 },
    { access_version: 7 },
    { reply_to: 1 },
    { access_version: 1 },
  );
  assert.deepEqual(outcomes(rows), ["no_room", "access_changed", "no_such_reply", "stored"]);
  assert.equal(rows[3]!["seq"], 1, "what was refused used up no number");
});

Deno.test("an append is synchronous even where the role turns that off", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const item = {
    room_id: room,
    id: crypto.randomUUID(),
    sender_id: SENDER,
    sender_name: "A",
    body: "b",
  };
  const setting = await db.sql.begin(async (tx) => {
    await tx`set local synchronous_commit = off`;
    await tx`select from append_messages(${JSON.stringify([item])}::text::json)`;
    const [row] = await tx`select current_setting('synchronous_commit') as setting`;
    return row!["setting"];
  });
  assert.equal(setting, "on");
});

Deno.test("an append outside read committed is refused", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  await assert.rejects(
    db.sql.begin(
      "isolation level repeatable read",
      (tx) => tx`select from append_messages(${`[{"room_id": ${room}}]`}::text::json)`,
    ),
    /transaction isolation is repeatable read/,
  );
});

Deno.test("a locked room fails the batch with 55P03 after half a second, not later", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = db.sql.begin(async (tx) => {
    await tx`select from rooms where id = ${room} for update`;
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  await assert.rejects(append(db, room, {}), { code: "55P03" });
  release.resolve();
  await holder;
});

Deno.test("messages and changes share positions, and the views read like a conversation", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby");
  await append(db, room, { body: "안녕" }, { body: "typo" });
  const change = (kind: string, body: string | null, id: string = crypto.randomUUID()) =>
    db.sql`select outcome, position from append_change(${room}, ${id}, 2, ${kind}, ${SENDER}, ${body})`;
  const id = crypto.randomUUID();
  assert.deepEqual([...(await change("edit", "no typo", id))], [{
    outcome: "stored",
    position: 3,
  }]);
  assert.deepEqual([...(await change("edit", "no typo", id))], [{
    outcome: "duplicate",
    position: 3,
  }]);
  assert.deepEqual([...(await change("edit", "else", id))], [{
    outcome: "id_conflict",
    position: 3,
  }]);
  await append(db, room, { body: "third" });
  const rows = await db.sql`
    select room, seq, sender, message, edited, deleted from chat_history where room = 'lobby'`;
  assert.deepEqual(rows.map((row) => [row["seq"], row["message"], row["edited"]]), [
    [1, "안녕", false],
    [2, "no typo", true],
    [3, "third", false],
  ]);
  const [overview] = await db.sql`select * from room_overview`;
  assert.equal(overview!["messages"], 3);
  assert.equal(overview!["last_message"], "third");
});

Deno.test("every table, view and column has a comment", async () => {
  await using db = await createTestDatabase();
  const missing = await db.sql`
    select c.relname || coalesce('.' || a.attname, '') as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'channels')
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'v')
      and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)`;
  assert.deepEqual([...missing], []);
});

Deno.test("a deleted room takes its log along", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "a");
  await append(db, room, {}, {});
  await db.sql`select append_change(${room}, ${crypto.randomUUID()}, 1, 'delete', ${SENDER})`;
  await db.sql`delete from rooms where id = ${room}`;
  const [left] = await db.sql`
    select (select count(*) from messages) as messages, (select count(*) from changes) as changes`;
  assert.deepEqual({ ...left }, { messages: 0, changes: 0 });
});
