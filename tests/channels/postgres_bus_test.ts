import assert from "node:assert/strict";
import {
  type Bus,
  type Doubt,
  migrateChannels,
  openPostgresBus,
  PoolerError,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { pack } from "../../src/channels/postgres/packet.ts";
import { Seal, SEALED_MAX_BYTES } from "../../src/channels/postgres/seal.ts";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";
import { connect, type Sql } from "../../src/db/pool.ts";
import {
  createTestDatabase,
  databaseUrl,
  PrivateServer,
  type TestDatabase,
} from "../support/database.ts";
import { findPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { RoomClient } from "../support/room_client.ts";
import { startServer } from "../support/server.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

const WAIT_TIMEOUT_MS = 15_000;
// A busy machine may stand still for some hundred ms, which is not to lose a listener.
const HEARTBEAT_MS = 1_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** Gathers what a bus hears on a topic, and waits for as many as are wanted. */
function gather(bus: Bus, topic: string) {
  const heard: string[] = [];
  let look = () => {};
  bus.subscribe(topic, (data) => {
    heard.push(text(data));
    look();
  });
  return {
    heard,
    async until(count: number): Promise<string[]> {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(
        () => reject(new Error(`Heard ${heard.length} of ${count}`)),
        WAIT_TIMEOUT_MS,
      );
      look = () => heard.length >= count && resolve();
      look();
      await promise.finally(() => clearTimeout(timer));
      return heard;
    },
  };
}

/** Resolves when a bus tells this doubt. */
function doubt(bus: Bus, wanted: Doubt): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  bus.onDoubt((reason) => {
    if (reason !== wanted) return;
    stop.abort();
    resolve();
  }, { signal: stop.signal });
  return promise;
}

/** Gives a database a clock that can be put forward and back, for whoever connects from now on. */
async function movableClock({ sql, url }: TestDatabase) {
  await sql.unsafe(`
    create schema moved;
    create table moved.by (how_far interval);
    insert into moved.by values ('0');
    create function moved.clock_timestamp() returns timestamptz language sql
      as $$ select pg_catalog.clock_timestamp() + how_far from moved.by $$;
    alter database ${new URL(url).pathname.slice(1)} set search_path = moved, public, pg_catalog`);
  return {
    async move(interval: string): Promise<void> {
      await sql`update moved.by set how_far = ${interval}::interval`;
    },
  };
}

/** What looks like a payload, with the id of a key that nobody made. */
function inventedPayload(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(60));
  bytes.set([2, 0x7f]);
  return btoa(String.fromCharCode(...bytes));
}

/** Hears what a bus doubts. */
function doubts(bus: Bus): Doubt[] {
  const told: Doubt[] = [];
  bus.onDoubt((reason) => told.push(reason));
  return told;
}

/** Somebody who knows the keys of now, and keeps them. */
async function thief({ sql }: TestDatabase): Promise<Seal> {
  const seal = new Seal("f".repeat(32), new ServerClock());
  seal.setKeys(
    await sql<{ id: number; secret: Uint8Array }[]>`select id, secret from channels.keys`,
  );
  return seal;
}

/** A payload's worth of one publication. */
function packed(message: string): Uint8Array {
  return pack([{ topic: "t", bytes: bytes(message), to: undefined }], SEALED_MAX_BYTES)[0]!.bytes;
}

Deno.test("publications arrive at the others, in order, once, and not at their publisher", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const own = gather(one, "t");
  const other = gather(two, "t");
  const sent = Array.from({ length: 3_000 }, (_, i) => `${i}`);
  for (const message of sent) one.publish("t", bytes(message));
  assert.deepEqual(await other.until(3_000), sent);
  two.publish("t", bytes("answer"));
  assert.deepEqual(await own.until(1), ["answer"]);
  assert.ok(one.counters()["payloads"]! < 100, "packed");
});

Deno.test("payloads of every size around the limits arrive whole, ASCII and Hangul", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const limit = one.inlineLimit;
  const sizes = [0, 1, limit - 1, limit, limit + 1, limit + 40, 7_999, 8_000, 8_001, 1024 * 1024];
  const { until } = gather(two, "t");
  const messages = sizes.flatMap((size) => ["a".repeat(size), "가".repeat(size / 3 | 0)]);
  for (const message of messages) one.publish("t", bytes(message));
  const heard = await until(messages.length);
  assert.deepEqual(heard.map((message) => message.length), messages.map((m) => m.length));
  assert.ok(heard.every((message, i) => message === messages[i]));
});

Deno.test("a publication for one instance reaches that one only", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  await using three = await openPostgresBus({ url: db.url });
  const second = gather(two, "t");
  const third = gather(three, "t");
  one.publish("t", bytes("for two"), { to: two.instance });
  one.publish("t", bytes("for all"));
  assert.deepEqual(await second.until(2), ["for two", "for all"]);
  assert.deepEqual(await third.until(1), ["for all"]);
});

Deno.test("small and large ones, for all and for one, arrive in the order they were sent", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const { until } = gather(two, "t");
  const sizes = [10, 20_000, 10, 5_900, 60, 7_000, 0, 90_000, 10];
  const sent = Array.from({ length: 90 }, (_, i) => `${i} ${`${i}`.repeat(sizes[i % 9]!)}`);
  for (const [i, message] of sent.entries()) {
    one.publish("t", bytes(message), i % 5 < 2 ? { to: two.instance } : {});
  }
  assert.deepEqual(await until(sent.length), sent);
  await one.flush();
  assert.equal(one.counters()["sent"], sent.length);
});

Deno.test("forged, foreign and replayed payloads are dropped and counted", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const captured: string[] = [];
  const capture = Promise.withResolvers<void>();
  const spy = await db.sql.listen("channels_all", (payload) => {
    captured.push(payload);
    capture.resolve();
  });
  const { until, heard } = gather(two, "t");
  one.publish("t", bytes("genuine"));
  await until(1);
  await capture.promise;
  const forgeries = ["", "AAAA", captured[0]!.slice(0, -8) + "AAAAAAA=", "s 1 2 3 4", "가"];
  for (const forgery of forgeries) await db.sql`select pg_notify('channels_all', ${forgery})`;
  await db.sql`select pg_notify('channels_all', ${captured[0]!})`;
  one.publish("t", bytes("after"));
  await until(2);
  assert.deepEqual(heard, ["genuine", "after"]);
  assert.equal(two.counters()["unopened"], forgeries.length);
  assert.equal(two.counters()["replayed"], 1);
  assert.doesNotMatch(atob(captured[0]!), /genuine/, "nobody else can read it");
  await spy.unlisten();
});

Deno.test("what was captured is not taken for new by an instance that came later", async () => {
  await using db = await createTestDatabase();
  const clock = await movableClock(db);
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const captured = Promise.withResolvers<string>();
  const spy = await db.sql.listen("channels_all", captured.resolve);
  const { until } = gather(two, "t");
  one.publish("t", bytes("genuine"));
  await until(1);
  const payload = await captured.promise;
  await spy.unlisten();
  // Two minutes later, by the clock that counts: the database's.
  await clock.move("2 minutes");
  await using three = await openPostgresBus({ url: db.url });
  await using four = await openPostgresBus({ url: db.url });
  const late = gather(three, "t");
  await db.sql`select pg_notify('channels_all', ${payload})`;
  four.publish("t", bytes("after"));
  assert.deepEqual(await late.until(1), ["after"]);
  assert.equal(three.counters()["replayed"], 1);
});

Deno.test("instances from before and after a step of the clock hear each other after a heartbeat", async () => {
  for (const step of ["2 minutes", "-2 minutes"]) {
    await using db = await createTestDatabase();
    const clock = await movableClock(db);
    await using before = await openPostgresBus({
      url: db.url,
      heartbeatIntervalMs: HEARTBEAT_MS,
    });
    const told = doubts(before);
    await clock.move(step);
    // It may have dropped what others sent, and they what it sent.
    await until(() => told.includes("overflow"));
    await using after = await openPostgresBus({ url: db.url, heartbeatIntervalMs: HEARTBEAT_MS });
    const [heardBefore, heardAfter] = [gather(before, "t"), gather(after, "t")];
    before.publish("t", bytes("from before"));
    after.publish("t", bytes("from after"));
    assert.deepEqual(await heardBefore.until(1), ["from after"]);
    assert.deepEqual(await heardAfter.until(1), ["from before"]);
  }
});

Deno.test("what is dropped while instances disagree about the time is a doubt where it was dropped", async () => {
  for (const step of ["2 minutes", "-2 minutes"]) {
    await using db = await createTestDatabase();
    const clock = await movableClock(db);
    // No heartbeat tells of the step here.
    await using before = await openPostgresBus({ url: db.url, heartbeatIntervalMs: 60_000 });
    await clock.move(step);
    await using after = await openPostgresBus({ url: db.url, heartbeatIntervalMs: 60_000 });
    const [from, to] = step.startsWith("-") ? [after, before] : [before, after];
    const { until: heard } = gather(to, "t");
    const told = doubts(to);
    from.publish("t", bytes("taken for old"));
    await until(() => to.counters()["replayed"] === 1);
    assert.equal(told.length, 0);
    // Whoever hears a key that it does not know loads the keys, and the time with them.
    await db.sql`select pg_notify('channels_all', ${inventedPayload()})`;
    await until(() => told.includes("overflow"));
    from.publish("t", bytes("heard"));
    assert.deepEqual(await heard(1), ["heard"]);
  }
});

Deno.test("a publication in many pieces is told in one transaction", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const { until } = gather(two, "t");
  one.publish("t", bytes("x".repeat(1024 * 1024)));
  await until(1);
  await one.flush();
  const { notifyStatements, payloads } = one.counters();
  assert.equal(notifyStatements, 1);
  assert.ok(payloads! > 64, "more than a statement has otherwise");
});

Deno.test("after the listener's connection is killed it comes back by itself, and says so", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  await using layer = await postgresChannelLayer({ url: db.url });
  const { until } = gather(two, "t");
  const lost = doubt(two, "lost");
  const restored = doubt(two, "restored");
  await db.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'maru-listener' and datname = current_database()`;
  await lost;
  await restored;
  one.publish("t", bytes("heard again"));
  assert.deepEqual(await until(1), ["heard again"]);
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  await layer.groupSend("g", { type: "x" });
  assert.deepEqual(await layer.receive(channel), { type: "x" });
});

Deno.test("a half-open listener is found by its heartbeat", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({
    url: db.url,
    directUrl: through.href,
    heartbeatIntervalMs: 200,
  });
  const lost = doubt(two, "lost");
  proxy.swallow();
  await lost;
  assert.equal(two.health().listening, false);
  const restored = doubt(two, "restored");
  proxy.resume();
  await restored;
  const { until } = gather(two, "t");
  one.publish("t", bytes("back"));
  assert.deepEqual(await until(1), ["back"]);
});

/** A session that listens, then never reads again: a transaction that stays open. */
async function stall(url: string, name: string): Promise<AsyncDisposable> {
  const stalled = connect(url, { name });
  const released = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await stalled`listen stalled`;
  const held = stalled.begin(async (tx) => {
    await tx`select`;
    begun.resolve();
    await released.promise;
  });
  held.catch(() => {});
  await begun.promise;
  return {
    async [Symbol.asyncDispose]() {
      released.resolve();
      await held.catch(() => {});
      await stalled.end({ timeout: 0 });
    },
  };
}

/** How full the notify queue is. */
async function queueUsage(sql: Sql): Promise<number> {
  return (await sql`select pg_notification_queue_usage() as usage`)[0]!["usage"] as number;
}

/** Fills a sixth of the notify queue, which somebody does not read. */
async function fillQueue(sql: Sql): Promise<void> {
  while (await queueUsage(sql) < 0.15) {
    await sql`select pg_notify('other', repeat(i::text, 500)) from generate_series(1, 20) i`;
  }
}

Deno.test("stalled listeners that fill the notify queue are ended, of any database, for everybody's sake", async () => {
  await using server = await PrivateServer.start({ max_notify_queue_pages: "64" });
  await using bus = await openPostgresBus({ url: server.url, heartbeatIntervalMs: 200 });
  await using _here = await stall(server.url, "maru-listener");
  await using _there = await stall(databaseUrl(server.url, "postgres"), "maru-listener");
  const admin = connect(server.url, { name: "maru-test" });
  await fillQueue(admin);
  await until(() => bus.counters()["stalledEnded"] === 2);
  await admin`select pg_notify('other', 'moves the queue on')`;
  assert.ok(await queueUsage(admin) < 0.15);
  await admin.end();
});

Deno.test("a listener elsewhere whose heartbeats are further apart is not ended", async () => {
  await using server = await PrivateServer.start({ max_notify_queue_pages: "64" });
  const admin = connect(server.url, { name: "maru-test" });
  await admin`create database elsewhere`;
  const elsewhere = databaseUrl(server.url, "elsewhere");
  await migrateChannels(elsewhere);
  await using slow = await openPostgresBus({ url: elsewhere, heartbeatIntervalMs: 60_000 });
  const told = doubts(slow);
  await using _ = await stall(server.url, "somebody-else");
  await fillQueue(admin);
  await using bus = await openPostgresBus({ url: server.url, heartbeatIntervalMs: 100 });
  // Many more than the three for which the other one has been silent.
  await until(() => bus.counters()["heartbeats"]! > 15);
  assert.equal(bus.counters()["stalledEnded"], 0);
  assert.equal(told.length, 0);
  assert.equal(slow.health().listening, true);
  await admin.end();
});

Deno.test("who may not end a stalled listener says so once, and goes on listening", async () => {
  await using server = await PrivateServer.start({ max_notify_queue_pages: "64" });
  const admin = connect(server.url, { name: "maru-test" });
  await admin.unsafe(`
    create role app login in role pg_monitor;
    grant usage on schema channels to app;
    grant select on channels.keys to app`);
  const url = new URL(server.url);
  url.username = "app";
  await using _ = await stall(server.url, "maru-listener");
  await fillQueue(admin);
  const warnings: string[] = [];
  await using bus = await openPostgresBus({
    url: url.href,
    heartbeatIntervalMs: HEARTBEAT_MS,
    warn: (message, error) => warnings.push(`${message}: ${error}`),
  });
  await until(() => warnings.length > 0);
  const { heartbeats } = bus.counters();
  await until(() => bus.counters()["heartbeats"]! > heartbeats! + 2);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /cannot end its slowest listener: .*permission denied/);
  assert.equal(bus.counters()["reconnects"], 0);
  await admin.end();
});

Deno.test("a new key is taken up without a restart", async () => {
  await using db = await createTestDatabase();
  await using old = await openPostgresBus({ url: db.url });
  const { until } = gather(old, "t");
  await db.sql`insert into channels.keys (secret) values (sha256('new'::bytea))`;
  await using fresh = await openPostgresBus({ url: db.url });
  const reloaded = doubt(old, "overflow");
  fresh.publish("t", bytes("lost: the key is not known yet"));
  await reloaded;
  fresh.publish("t", bytes("known"));
  assert.deepEqual(await until(1), ["known"]);
});

Deno.test("payloads with invented keys are no doubts, and hide no new key", async () => {
  await using db = await createTestDatabase();
  await using old = await openPostgresBus({ url: db.url });
  const { heard } = gather(old, "t");
  const told = doubts(old);
  for (let n = 0; n < 100; n++) {
    await db.sql`select pg_notify('channels_all', ${inventedPayload()})`;
  }
  await until(() => old.counters()["unopened"] === 100);
  await db.sql`insert into channels.keys (secret) values (sha256('new'::bytea))`;
  await using fresh = await openPostgresBus({ url: db.url });
  // Lost, unless the keys happened to be loaded again just before.
  fresh.publish("t", bytes("maybe lost"));
  await until(() => told.length > 0);
  fresh.publish("t", bytes("known"));
  await until(() => heard.at(-1) === "known");
  assert.deepEqual(told, ["overflow"]);
});

Deno.test("a deleted key opens no more after a while", async () => {
  await using db = await createTestDatabase();
  await using bus = await openPostgresBus({ url: db.url, keysIntervalMs: 100 });
  const { heard, until: gathered } = gather(bus, "t");
  const stolen = await thief(db);
  const forge = () => db.sql`select pg_notify('channels_all', ${stolen.seal(packed("forged"))})`;
  await forge();
  await gathered(1);
  await db.sql`insert into channels.keys (secret) values (sha256('new'::bytea))`;
  await db.sql`delete from channels.keys where id < (select max(id) from channels.keys)`;
  await until(async () => {
    await forge();
    return bus.counters()["unopened"]! > 0;
  });
  const { length } = heard;
  const { unopened } = bus.counters();
  for (let n = 0; n < 3; n++) await forge();
  await until(() => bus.counters()["unopened"]! >= unopened! + 3);
  assert.equal(heard.length, length);
});

Deno.test("a key that leaked is replaced at once, and what was sealed with it meanwhile is a doubt", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const buses = [one, two];
  const stolen = await thief(db);
  const told = buses.map(doubts);
  await db.sql.begin(async (tx) => {
    await tx`insert into channels.keys (secret) values (sha256('new'::bytea))`;
    await tx`delete from channels.keys where id < (select max(id) from channels.keys)`;
    await tx`select channels.group_send('operator', '{"type": "keys.rotated"}')`;
  });
  // Each doubts what it heard, and has the other doubt what it said, if that knows the new key by
  // then: else it does so when it learns of it.
  await until(() => told.every(({ length }) => length >= 1) && told.flat().length >= 3);
  const gathered = buses.map((bus) => gather(bus, "t"));
  await db.sql`select pg_notify('channels_all', ${stolen.seal(packed("forged"))})`;
  one.publish("t", bytes("from one"));
  two.publish("t", bytes("from two"));
  assert.deepEqual(await gathered[0]!.until(1), ["from two"]);
  assert.deepEqual(await gathered[1]!.until(1), ["from one"]);
});

Deno.test("once all keys are gone nothing opens; with the next one it goes on, with a doubt", async () => {
  await using db = await createTestDatabase();
  const warned: string[] = [];
  const warn = (_: string, error: unknown) => warned.push((error as Error).message);
  await using one = await openPostgresBus({ url: db.url, keysIntervalMs: 100, warn });
  await using two = await openPostgresBus({ url: db.url, keysIntervalMs: 100, warn });
  const told = [one, two].map(doubts);
  const stolen = await thief(db);
  const { heard } = gather(two, "t");
  await db.sql`delete from channels.keys`;
  await until(() => warned.filter((text) => text.includes("channels.keys is empty")).length === 2);
  await db.sql`select pg_notify('channels_all', ${stolen.seal(packed("forged"))})`;
  await db.sql`insert into channels.keys (secret) values (sha256('new'::bytea))`;
  await until(() => told.every((doubts) => doubts.includes("overflow")));
  one.publish("t", bytes("heard"));
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ["heard"]);
});

Deno.test("a group send from SQL is part of its transaction, of any size, and arrives once", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const channel = layer.newChannel();
  await layer.groupAdd("room-1", channel);
  await db.sql.begin(async (tx) => {
    await tx`select channels.group_send('room-1', '{"n": "rolled back"}')`;
    throw new Error("no");
  }).catch(() => {});
  const long = "가".repeat(20_000);
  await db.sql.begin(async (tx) => {
    await tx`select channels.group_send('room-1', '{"n": 1}')`;
    await tx`select channels.group_send('room-1', '{"n": 1}')`;
    await tx`select channels.group_send('room-1', jsonb_build_object('n', ${long}::text))`;
    await tx`select channels.send(${channel}, '{"n": 2}')`;
  });
  const received = [];
  for (let i = 0; i < 4; i++) received.push((await layer.receive(channel))["n"]);
  assert.deepEqual(received, [1, 1, long, 2], "equal messages sent twice arrive twice");
  await assert.rejects(db.sql`select channels.group_send('no/name', '{}')`, /Cannot send to group/);
  await assert.rejects(db.sql`select channels.group_send('g', '[]')`, /no JSON object/);
});

const pgbouncer = await findPgBouncer();
if (pgbouncer === null) console.warn("PgBouncer is not installed: its tests are skipped");

Deno.test({
  name: "a pooler in transaction mode is refused for LISTEN, in one clear error",
  ignore: pgbouncer === null,
  async fn() {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url);
    const url = pooler.through(db.url);
    await assert.rejects(openPostgresBus({ url }), PoolerError);
    await assert.rejects(postgresChannelLayer({ url }), PoolerError);
    await assert.rejects(postgresChannelLayer({ url: db.url, directUrl: url }), /directUrl/);
  },
});

Deno.test({
  name: "a busy pooler in transaction mode is refused, too: each statement goes to another server",
  ignore: pgbouncer === null,
  async fn() {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url, { roundRobin: true });
    const url = pooler.through(db.url);
    const others = [1, 2, 3].map(() => connect(url, { name: "somebody-else" }));
    await Promise.all(others.map((other) => other.unsafe("select pg_sleep(0.2)").simple()));
    await assert.rejects(openPostgresBus({ url: db.url, directUrl: url }), PoolerError);
    for (const other of others) await other.end();
  },
});

Deno.test({
  name: "a pooler in session mode is let through, also from far away",
  ignore: pgbouncer === null,
  async fn() {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url, { mode: "session" });
    const url = new URL(pooler.through(db.url));
    await using proxy = startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    // To connect and to be answered takes longer than the second in which a notification has to come.
    proxy.delay(300);
    const warnings: string[] = [];
    await using bus = await openPostgresBus({
      url: db.url,
      directUrl: url.href,
      warn: (message, error) => warnings.push(`${message}: ${error}`),
    });
    assert.equal(bus.health().listening, true, `${warnings}`);
  },
});

Deno.test({
  name: "a pooler in session mode is let through, also when a notification comes late",
  ignore: pgbouncer === null,
  async fn() {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url, { mode: "session" });
    const url = new URL(pooler.through(db.url));
    await using proxy = startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    // For long enough to see the second connection before it has told anything.
    proxy.delay(100);
    let refused = false;
    const opening = openPostgresBus({ url: db.url, directUrl: url.href });
    opening.catch(() => refused = true);
    await until(() => proxy.connections === 2);
    proxy.hold("maru-listener\0");
    const times = new Set<string>();
    await until(async () => {
      const rows = await db.sql<{ at: string }[]>`
        select query_start::text as at from pg_stat_activity
        where application_name = 'maru-listener-check' and query like '%pg_notify%'
          and datname = current_database()`;
      for (const { at } of rows) times.add(at);
      return refused || times.size === 2;
    });
    proxy.resume();
    await using bus = await opening;
    assert.equal(bus.health().listening, true);
  },
});

Deno.test({
  name: "with a direct URL beside it, chat runs through a pooler in transaction mode",
  ignore: pgbouncer === null,
  async fn() {
    await using db = await createTestDatabase();
    await using pooler = await startPgBouncer(pgbouncer!, db.url);
    const env = { DATABASE_DIRECT_URL: db.url };
    await using one = await startServer(pooler.through(db.url), env);
    await using two = await startServer(pooler.through(db.url), env);
    await using ann = await RoomClient.open(one.wsOrigin, "lobby");
    await using ben = await RoomClient.open(two.wsOrigin, "lobby");
    for (let i = 0; i < 30; i++) (i % 2 === 0 ? ann : ben).say(`${i}`);
    await ann.until(() => ann.messages.length === 30);
    await ben.until(() => ben.messages.length === 30);
    assert.deepEqual(ann.messages, ben.messages);
    assert.deepEqual([...one.complaints, ...two.complaints], []);
  },
});
