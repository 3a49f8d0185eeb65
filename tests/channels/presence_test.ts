import assert from "node:assert/strict";
import type postgres from "postgres";
import {
  ChannelLayer,
  memoryBusNetwork,
  memoryChannelLayer,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { Connection } from "../../src/channels/postgres/connection.ts";
import { PostgresPresenceStore } from "../../src/channels/postgres/presence_store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

/** Has something happen before each statement. */
class BusyConnection extends Connection {
  before: (() => void) | undefined;

  override run<T>(query: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    this.before?.();
    return super.run(query);
  }
}

async function infos(layer: ChannelLayer, group: string): Promise<unknown[]> {
  return (await layer.presence(group)).map(({ info }) => info);
}

/** Fails what an instance writes while something is done: its connection is cut. */
async function failWrite(db: TestDatabase, act: () => Promise<void>): Promise<void> {
  await db.sql.begin(async (tx) => {
    await tx`lock table channels.memberships`;
    await act();
    await until(() => waits(db));
    await db.sql`select pg_terminate_backend(pid) from pg_locks where not granted and pid in (
      select pid from pg_stat_activity where datname = current_database())`;
    await until(async () => !await waits(db));
  });
}

/** Whether somebody in this database waits for a lock. */
async function waits(db: TestDatabase): Promise<boolean> {
  const rows = await db.sql`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  return rows.length > 0;
}

/** Ends a wait that would have no end. */
async function within<T>(promise: Promise<T>, ms = 10_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function disposable<T extends { close(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.close() });
}

Deno.test("who is in a group is known across instances, with who it is and since when", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  await using two = await postgresChannelLayer({ url: db.url });
  const [ann, ben] = [one.newChannel(), two.newChannel()];
  const before = Date.now();
  await one.groupAdd("room", ann, { info: { name: "Ann" } });
  assert.deepEqual(await infos(one, "room"), [{ name: "Ann" }], "its own are known at once");
  // By another instance than the channel's own.
  await one.groupAdd("room", ben, { info: { name: "벤" } });
  await until(async () => (await one.presence("room")).length === 2);
  const [first, second] = await two.presence("room");
  assert.deepEqual([first!.channel, second!.channel], [ann, ben]);
  assert.deepEqual(second!.info, { name: "벤" });
  assert.ok(Math.abs(first!.since.getTime() - before) < 60_000);
  await one.groupAdd("room", ann);
  assert.deepEqual(await infos(one, "room"), [null, { name: "벤" }], "the last word counts");
  await one.groupDiscard("room", ann);
  await one.groupDiscard("room", ann);
  assert.deepEqual(await infos(one, "room"), [{ name: "벤" }]);
  await two.close();
  assert.deepEqual(await infos(one, "room"), []);
  await one.flush();
  assert.equal((await db.sql`select from channels.memberships`).length, 0);
});

Deno.test("it is written when somebody joins or leaves, and not by what is sent", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const written = async () => {
    const rows = await db.sql`
      select n_tup_ins + n_tup_upd + n_tup_del as n from pg_stat_user_tables
      where schemaname = 'channels' and relname = 'memberships'`;
    return Number(rows[0]!["n"]);
  };
  const channels = Array.from({ length: 500 }, () => layer.newChannel());
  for (const channel of channels) await layer.groupAdd("room", channel);
  assert.equal((await layer.presence("room")).length, 500);
  for (let n = 0; n < 50; n++) await layer.groupSend("room", { n });
  await until(async () => await written() >= 500);
  assert.equal(await written(), 500);
});

Deno.test("who asks, flushes or closes is answered while others come and go without end", async () => {
  await using db = await createTestDatabase();
  await using connection = disposable(new BusyConnection({ url: db.url }, "presence-test"));
  const presence = new PostgresPresenceStore(connection, () => {});
  const layer = new ChannelLayer(memoryBusNetwork().bus(), {}, { presence });
  const stays = layer.newChannel();
  await layer.groupAdd("room", stays);
  // Something is always pending again when a statement ends.
  connection.before = () => {
    if (connection.before === undefined) return;
    const channel = layer.newChannel();
    void layer.groupAdd("other", channel).then(() => layer.groupDiscard("other", channel));
  };
  try {
    const present = await within(layer.presence("room"));
    assert.deepEqual(present.map(({ channel }) => channel), [stays]);
    await within(layer.flush());
    assert.deepEqual(await within(layer.presence("room")), []);
  } finally {
    connection.before = undefined;
    await layer.close();
  }
});

Deno.test("who comes while all is flushed is there afterwards", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  await layer.groupAdd("room", layer.newChannel(), { info: { name: "before" } });
  await layer.presence("room");
  const flushed = layer.flush();
  await layer.groupAdd("room", layer.newChannel(), { info: { name: "meanwhile" } });
  await flushed;
  assert.deepEqual(await infos(layer, "room"), [{ name: "meanwhile" }]);
});

Deno.test("a write that fails lets nobody be seen gone, nor come anew", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  await using two = await postgresChannelLayer({ url: db.url });
  const members = 2_500;
  const channels = Array.from({ length: members }, () => one.newChannel());
  for (const channel of channels) await one.groupAdd("room", channel);
  assert.equal((await one.presence("room")).length, members);
  const before = await two.presence("room");
  await db.sql`create table gone (channel text)`;
  await db.sql`create function note_gone() returns trigger language plpgsql as $$
    begin insert into gone values (old.channel); return old; end $$`;
  await db.sql`create trigger note_gone after delete on channels.memberships
    for each row execute function note_gone()`;
  const left = channels.pop()!;
  await failWrite(db, async () => {
    await one.groupDiscard("room", left);
    await one.groupAdd("room", one.newChannel(), { info: { name: "last" } });
  });
  await until(async () => (await two.presence("room")).at(-1)?.info?.["name"] === "last");
  await until(async () => (await two.presence("room")).length === members);
  assert.deepEqual((await two.presence("room")).slice(0, -1), before.slice(0, -1));
  assert.deepEqual([...await db.sql`select channel from gone`], [{ channel: left }]);
  assert.equal((await db.sql`select from channels.instances`).length, 1);
});

Deno.test("a write that arrives after its time brings nobody back who has left", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  await one.groupAdd("room", one.newChannel(), { info: { name: "stays" } });
  const leaves = one.newChannel();
  await one.presence("room");
  // As a network that holds a statement back until long after its connection was given up.
  await db.sql.unsafe(`create function hold_back() returns trigger language plpgsql as $$
    begin
      if new.channel = '${leaves}' then perform pg_advisory_xact_lock(1); end if;
      return new;
    end $$`);
  await db.sql`create trigger hold_back before insert on channels.memberships
    for each row execute function hold_back()`;
  const released = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = db.sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(1)`;
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  try {
    await one.groupAdd("room", leaves);
    await until(() => waits(db));
    await one.groupDiscard("room", leaves);
    await one.groupAdd("room", one.newChannel(), { info: { name: "comes" } });
    await until(async () => (await infos(one, "room")).length === 2);
  } finally {
    released.resolve();
    await holding;
  }
  await until(async () => !await waits(db));
  assert.deepEqual(await infos(one, "room"), [{ name: "stays" }, { name: "comes" }]);
  assert.equal((await db.sql`select from channels.memberships`).length, 2);
});

Deno.test("however often writing fails, an instance has few names", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  await layer.groupAdd("room", layer.newChannel(), { info: { name: "first" } });
  await layer.presence("room");
  await db.sql`alter table channels.memberships rename column info to somebody`;
  await layer.groupAdd("room", layer.newChannel(), { info: { name: "second" } });
  for (let n = 0; n < 20; n++) await assert.rejects(layer.presence("room"));
  assert.ok((await db.sql`select from channels.instances`).length <= 3);
  await db.sql`alter table channels.memberships rename column somebody to info`;
  assert.deepEqual(await infos(layer, "room"), [{ name: "first" }, { name: "second" }]);
  assert.equal((await db.sql`select from channels.instances`).length, 1);
});

Deno.test("what the others took for dead, or the server lost, is written anew", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  await using two = await postgresChannelLayer({ url: db.url });
  const channel = one.newChannel();
  for (const group of ["room", "other"]) await one.groupAdd(group, channel, { info: { group } });
  await one.presence("room");
  // As a crash of the server, or a reaper while this one was frozen.
  await db.sql`truncate channels.instances, channels.memberships`;
  assert.deepEqual(await two.presence("room"), []);
  await until(async () => (await two.presence("room")).length === 1);
  assert.deepEqual(await infos(two, "other"), [{ group: "other" }]);
  // The next to join finds out at once.
  await db.sql`truncate channels.instances, channels.memberships`;
  await one.groupAdd("room", one.newChannel());
  assert.equal((await one.presence("room")).length, 2);
});

Deno.test("who somebody is may be any JSON, in every backend", async () => {
  await using db = await createTestDatabase();
  await using memory = memoryChannelLayer();
  await using stored = await postgresChannelLayer({ url: db.url });
  const all = [
    { name: "a\u0000b" },
    { name: "\ud800" },
    { "\u0000": ["\udc00\ud800", "\\u0000", '"', "'", "\n"] },
    { big: 1e300, nothing: null, deep: { list: [{}, [], true] } },
    {},
  ];
  for (const layer of [memory, stored]) {
    for (const info of all) await layer.groupAdd("room", layer.newChannel(), { info });
    assert.deepEqual(await infos(layer, "room"), all);
  }
  // As after a crash of the server.
  await db.sql`truncate channels.instances, channels.memberships`;
  await stored.groupAdd("room", stored.newChannel(), { info: { name: "last" } });
  await until(async () => (await stored.presence("room")).length === all.length + 1);
});

Deno.test("a row that the server refuses keeps nobody else from being written", async () => {
  await using db = await createTestDatabase();
  await db.sql`
    alter table channels.memberships add constraint ours check (info ->> 'name' <> 'bad')`;
  const warnings: string[] = [];
  await using layer = await postgresChannelLayer({
    url: db.url,
    warn(message) {
      warnings.push(message);
      throw new Error("nor does a log that is full");
    },
  });
  const bad = layer.newChannel();
  for (let n = 0; n < 10; n++) {
    const [channel, name] = n === 3 ? [bad, "bad"] : [layer.newChannel(), `${n}`];
    await layer.groupAdd("room", channel, { info: { name } });
  }
  const good = [0, 1, 2, 4, 5, 6, 7, 8, 9].map((n) => ({ name: `${n}` }));
  const sorted = async () =>
    (await infos(layer, "room") as { name: string }[]).sort((a, b) => a.name < b.name ? -1 : 1);
  assert.deepEqual(await sorted(), good);
  assert.deepEqual(warnings, [`Cannot write the presence of "${bad}" in "room"`]);
  await db.sql`truncate channels.instances, channels.memberships`;
  await layer.groupAdd("other", layer.newChannel());
  await until(async () => (await layer.presence("room")).length === good.length);
});

Deno.test("who comes back after the membership has ended comes last, and anew, in every backend", async () => {
  await using db = await createTestDatabase();
  await using memory = memoryChannelLayer({ groupExpiryMs: 500 });
  await using stored = await postgresChannelLayer({ url: db.url, groupExpiryMs: 500 });
  for (const layer of [memory, stored]) {
    const [back, other] = [layer.newChannel(), layer.newChannel()];
    await layer.groupAdd("room", back);
    await until(async () => (await layer.presence("room")).length === 0);
    await layer.groupAdd("room", other);
    await layer.groupAdd("room", back);
    const present = await layer.presence("room");
    assert.deepEqual(present.map(({ channel }) => channel), [other, back]);
    assert.ok(present[1]!.since >= present[0]!.since);
  }
});
