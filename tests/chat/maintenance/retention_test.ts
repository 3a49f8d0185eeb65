import assert from "node:assert/strict";
import { retentionTask } from "../../../src/chat/maintenance/retention.ts";
import { RoomLog } from "../../../src/chat/room_log.ts";
import { Pool } from "../../../src/db/pool.ts";
import type { Sql } from "../../../src/db/pool.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { RoomClient } from "../../support/room_client.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { beginTask, doTask, poolsOf } from "./do_task.ts";

const SENDER = "11111111-1111-4111-8111-111111111111";

async function makeRoom(db: TestDatabase, name: string, retentionDays: number | null) {
  const [row] = await db.sql`
    insert into rooms (name, key, retention_days) values (${name}, ${name}, ${retentionDays})
    returning id`;
  return row!["id"] as number;
}

/** Appends messages, each of so many days ago. */
async function append(db: TestDatabase, room: number, days: number[]): Promise<void> {
  const items = days.map((_, n) => ({
    room_id: room,
    id: crypto.randomUUID(),
    sender_id: SENDER,
    sender_name: "Ann",
    body: `message ${n}`,
  }));
  const rows = await db.sql<{ seq: number }[]>`
    select seq from append_messages(${JSON.stringify(items)}::text::json)`;
  const ages = rows.map(({ seq }, n) => ({ seq, days: days[n] }));
  await db.sql`
    update messages m set created_at = m.created_at - make_interval(days => a.days)
    from json_to_recordset(${JSON.stringify(ages)}::text::json) as a(seq bigint, days int)
    where m.room_id = ${room} and m.seq = a.seq`;
}

async function change(db: TestDatabase, room: number, seq: number) {
  const [row] = await db.sql<{ outcome: string; position: number }[]>`
    select * from append_change(${room}, ${crypto.randomUUID()}, ${seq}, 'edit', ${SENDER}, 'new')`;
  return row!;
}

async function retain(db: TestDatabase) {
  return await doTask(db, retentionTask({ ...poolsOf(db), graceMs: 0 }), {});
}

async function look(db: TestDatabase, room: number) {
  const [counters] = await db.sql<
    { first_seq: number; first_position: number; last_seq: number; last_position: number }[]
  >`select first_seq, first_position, last_seq, last_position from rooms where id = ${room}`;
  const messages = await db.sql<{ seq: number }[]>`
    select seq from messages where room_id = ${room} order by seq`;
  return { ...counters!, seqs: messages.map(({ seq }) => seq) };
}

/** A transaction that stays open until it is let go. */
async function hold(sql: Sql, statement: string): Promise<AsyncDisposable> {
  const held = await sql.reserve();
  await held.unsafe(`begin; ${statement}`);
  return {
    async [Symbol.asyncDispose]() {
      await held.unsafe("rollback");
      held.release();
    },
  };
}

const repeated = (count: number, days: number) => Array<number>(count).fill(days);

Deno.test("what is older than a room keeps is removed, in batches, and nothing else", async () => {
  await using db = await createTestDatabase();
  const [brief, long, ever] = [
    await makeRoom(db, "brief", 7),
    await makeRoom(db, "long", 30),
    await makeRoom(db, "ever", null),
  ];
  await append(db, brief, [...repeated(1_201, 8), ...repeated(4, 6)]);
  await append(db, long, repeated(3, 8));
  await append(db, ever, repeated(3, 4_000));
  assert.deepEqual(await retain(db), { forgotten: 1_201, deleted: 1_201 });
  assert.deepEqual(await look(db, brief), {
    first_seq: 1_202,
    first_position: 1_202,
    last_seq: 1_205,
    last_position: 1_205,
    seqs: [1_202, 1_203, 1_204, 1_205],
  });
  assert.deepEqual((await look(db, long)).seqs, [1, 2, 3]);
  assert.deepEqual((await look(db, ever)).seqs, [1, 2, 3]);
  assert.deepEqual(await retain(db), { forgotten: 0, deleted: 0 });
  const [overview] = await db.sql`select messages from room_overview where room = 'brief'`;
  assert.equal(overview!["messages"], 4);
});

Deno.test("a room that forgets all goes on counting where it was", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 1);
  await append(db, room, [2, 2, 2]);
  assert.deepEqual(await retain(db), { forgotten: 3, deleted: 3 });
  await append(db, room, [0]);
  assert.deepEqual(await look(db, room), {
    first_seq: 4,
    first_position: 4,
    last_seq: 4,
    last_position: 4,
    seqs: [4],
  });
});

Deno.test("a clock that was set back leaves no gap", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 9, 1, 9, 1]);
  await retain(db);
  const { first_seq, seqs } = await look(db, room);
  assert.equal(first_seq, 3);
  assert.deepEqual(seqs, [3, 4, 5]);
});

Deno.test("where an old message was changed lately, the log begins after the change, without a gap", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 9, 1]);
  const { position } = await change(db, room, 1);
  await change(db, room, 3);
  await append(db, room, [0]);
  await retain(db);
  const { first_seq, first_position, last_position } = await look(db, room);
  assert.equal(first_seq, 3);
  assert.equal(first_position, position + 1);
  await using readers = new Pool(db.url, { name: "maru-test" });
  const page = await new RoomLog(readers).read(room, first_position - 1);
  assert.deepEqual(page!.entries.map((entry) => entry.position), [position + 1, last_position]);
  const changes = await db.sql`select seq from changes where room_id = ${room}`;
  assert.deepEqual(changes.map(({ seq }) => seq), [3], "what was changed in message 1 is gone");
});

Deno.test("a message that is forgotten but not deleted yet can be changed no more", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 1]);
  const [row] = await db.sql`select raise_first_seq(${room}, 100) as count`;
  assert.equal(row!["count"], 1);
  assert.deepEqual((await look(db, room)).seqs, [1, 2]);
  assert.equal((await change(db, room, 1)).outcome, "no_such_message");
  assert.equal((await change(db, room, 2)).outcome, "stored");
});

Deno.test("what a run left behind is deleted by the next, also when everything is kept from then on", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 9, 1]);
  await change(db, room, 2);
  await db.sql`select raise_first_seq(${room}, 100)`;
  await db.sql`update rooms set retention_days = null where id = ${room}`;
  assert.deepEqual(await retain(db), { forgotten: 0, deleted: 3 });
  assert.deepEqual((await look(db, room)).seqs, [3]);
});

Deno.test("who resumes from below is told so, who is above gets what it missed", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 9, 1, 0]);
  await using live = await RoomClient.open(server.wsOrigin, "lobby");
  const { epoch } = live.welcome;
  await retain(db);
  await using below = await RoomClient.open(server.wsOrigin, "lobby", {
    query: `?after=1&epoch=${epoch}`,
  });
  const reset = await below.next((frame) => frame.type === "reset");
  assert.deepEqual([reset.reason, reset.position], ["retention", 4]);
  await using above = await RoomClient.open(server.wsOrigin, "lobby", {
    query: `?after=2&epoch=${epoch}`,
  });
  await above.until(() => above.messages.length === 2);
  await live.ask("new");
  await below.until(() => below.messages.length === 1);
  await above.until(() => above.messages.length === 3);
  assert.deepEqual(above.messages.map(({ seq }) => seq), [3, 4, 5]);
  assert.ok(!live.frames.some((frame) => frame.type === "reset"), "who was there stays there");
  const response = await fetch(`${server.origin}/api/rooms/lobby/messages`);
  const history = await response.json();
  assert.equal(history.first_seq, 3);
  assert.deepEqual(history.messages.map((message: { seq: number }) => message.seq), [3, 4, 5]);
});

Deno.test("people go on talking while old messages are deleted", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [...repeated(700, 9), 1]);
  await using ann = await RoomClient.open(server.wsOrigin, "lobby");
  let doing;
  {
    // As slow as can be: the first batch cannot end.
    await using _slow = await hold(
      db.sql,
      `select from messages where room_id = ${room} and seq = 400 for update`,
    );
    doing = await beginTask(db, retentionTask({ ...poolsOf(db), graceMs: 0 }), {});
    await until(async () => {
      const [row] = await db.sql`
        select count(*) as waiting from pg_stat_activity
        where application_name = 'maru-maintenance' and wait_event_type = 'Lock'`;
      return row!["waiting"] === 1;
    });
    for (let n = 0; n < 20; n++) assert.equal((await ann.ask(`still ${n}`)).type, "ack");
    assert.equal((await change(db, room, 701)).outcome, "stored");
  }
  await using done = doing;
  assert.deepEqual(await done.result(), { forgotten: 700, deleted: 700 });
  const { seqs } = await look(db, room);
  assert.deepEqual(seqs, Array.from({ length: 21 }, (_, n) => 701 + n));
  assert.deepEqual(ann.messages.map(({ seq }) => seq), seqs.slice(1));
});

Deno.test("a room that somebody keeps locked has time until the next run, others do not wait for it", async () => {
  await using db = await createTestDatabase();
  const [locked, free] = [await makeRoom(db, "locked", 7), await makeRoom(db, "free", 7)];
  await append(db, locked, [9, 1]);
  await append(db, free, [9, 1]);
  {
    await using _held = await hold(db.sql, `select from rooms where id = ${locked} for update`);
    assert.deepEqual(await retain(db), { forgotten: 1, deleted: 1 });
    assert.deepEqual((await look(db, free)).seqs, [2]);
  }
  assert.deepEqual(await retain(db), { forgotten: 1, deleted: 1 });
  assert.deepEqual((await look(db, locked)).seqs, [2]);
});

Deno.test("a run that is cancelled ends between two batches and keeps what it has done", async () => {
  await using db = await createTestDatabase();
  const room = await makeRoom(db, "lobby", 7);
  await append(db, room, [9, 1]);
  // It waits to delete, for much longer than the test does.
  const task = retentionTask({ ...poolsOf(db), graceMs: 600_000 });
  await using doing = await beginTask(db, task, {});
  await until(async () => (await look(db, room)).first_seq === 2);
  assert.equal(await doing.job.cancel(), true);
  await until(async () => {
    const [row] = await db.sql`
      select count(*) as left from pg_stat_activity where application_name = 'maru-maintenance'`;
    return row!["left"] === 0;
  });
  assert.deepEqual((await look(db, room)).seqs, [1, 2]);
  assert.deepEqual(await retain(db), { forgotten: 0, deleted: 1 });
});

Deno.test("a room keeps its messages for at least a day", async () => {
  await using db = await createTestDatabase();
  await assert.rejects(makeRoom(db, "lobby", 0), /rooms_retention_days/);
  await assert.rejects(makeRoom(db, "lobby", -1), /rooms_retention_days/);
});
