import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { openPostgresBus, postgresChannelLayer } from "../../src/channels/mod.ts";
import { Notifier } from "../../src/channels/postgres/notifier.ts";
import { Seal } from "../../src/channels/postgres/seal.ts";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";
import { createTestDatabase } from "../support/database.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a name that no instance has silences nobody: what is sent to it is dropped", async () => {
  await using db = await createTestDatabase();
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  await using one = await postgresChannelLayer({ url: db.url, warn });
  await using two = await postgresChannelLayer({ url: db.url });
  const channel = two.newChannel();
  await two.groupAdd("g", channel);
  const names = ["x".repeat(60) + "!y", "x!y", `${"A".repeat(32)}!y`, `a.${"0".repeat(33)}!y`];
  for (const name of names) {
    await one.send(name, {});
    await one.groupAdd("g", name);
    await one.groupDiscard("g", name);
  }
  await one.groupSend("g", { n: 1 });
  await until(() => two.counters().delivered === 1);
  assert.deepEqual(await two.receive(channel), { n: 1 });
  assert.deepEqual(warnings, []);
  assert.equal(one.counters().bus["dropped"], names.length * 3);
});

Deno.test("the key is read whole, however the database writes bytes", async () => {
  await using db = await createTestDatabase();
  const database = new URL(db.url).pathname.slice(1);
  await db.sql.unsafe(`alter database ${database} set bytea_output = 'escape'`);
  const [key] = await db.sql`select id, encode(secret, 'hex') as secret from channels.keys`;
  const clock = new ServerClock();
  const seal = new Seal("0".repeat(32), clock);
  const secrets: string[] = [];
  const setKeys = seal.setKeys.bind(seal);
  seal.setKeys = (keys) => {
    for (const { id, secret } of keys) secrets.push(`${id} ${Buffer.from(secret).toString("hex")}`);
    return setKeys(keys);
  };
  const notifier = new Notifier({
    connection: { url: db.url },
    seal,
    clock,
    onOverflow: () => {},
    warn: (message, error) => assert.fail(`${message}: ${error}`),
  });
  assert.ok(await notifier.loadKeys());
  assert.deepEqual(secrets, [`${key!["id"]} ${key!["secret"]}`]);
  await notifier.close();
});

Deno.test("what SQL sends arrives, however the database writes bytes", async () => {
  await using db = await createTestDatabase();
  const database = new URL(db.url).pathname.slice(1);
  await db.sql.unsafe(`alter database ${database} set bytea_output = 'escape'`);
  await using layer = await postgresChannelLayer({ url: db.url });
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  await db.sql`select channels.group_send('g', '{"n": 1}')`;
  await until(() => layer.counters().delivered + layer.counters().bus["unopened"]! === 1);
  assert.equal(layer.counters().delivered, 1);
});

Deno.test("what the server refuses is given up and told, and the next goes on", async () => {
  await using db = await createTestDatabase();
  const clock = new ServerClock();
  const seal = new Seal("0".repeat(32), clock);
  const genuine = seal.seal.bind(seal);
  // One byte more than a payload may have.
  seal.seal = (content) => content.length > 100 ? "x".repeat(8_000) : genuine(content);
  const told: string[] = [];
  const notifier = new Notifier({
    connection: { url: db.url },
    seal,
    clock,
    onOverflow: () => told.push("overflow"),
    warn: (message) => told.push(message),
  });
  await using other = await openPostgresBus({ url: db.url });
  const heard: string[] = [];
  other.subscribe("t", (data) => heard.push(new TextDecoder().decode(data)));
  other.onDoubt((reason) => heard.push(reason));
  const publish = (text: string) =>
    notifier.publish({ topic: "t", bytes: bytes(text), to: undefined });
  publish("long".repeat(100));
  await notifier.flush();
  assert.deepEqual(told, [
    "The server refused to notify, and what it should tell is lost",
    "overflow",
  ]);
  assert.deepEqual([notifier.counters.dropped, notifier.counters.sent], [1, 0]);
  await until(() => heard.length === 1);
  assert.deepEqual(heard, ["overflow"], "the others are told what they missed, whatever follows");
  publish("short");
  await until(() => heard.length === 2);
  assert.equal(heard[1], "short");
  await notifier.close();
});

Deno.test("what was sent too late for whoever did not know its sender is a doubt, there", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using other = await openPostgresBus({ url: db.url });
  const heard: string[] = [];
  other.subscribe("t", (data) => heard.push(new TextDecoder().decode(data)));
  other.onDoubt((reason) => heard.push(reason));
  const clock = new ServerClock();
  const seal = new Seal("0".repeat(32), clock);
  seal.setKeys(await db.sql<{ id: number; secret: Uint8Array }[]>`select * from channels.keys`);
  const told: string[] = [];
  const notifier = new Notifier({
    connection: { url: through.href },
    seal,
    clock,
    onOverflow: () => told.push("overflow"),
    warn: (message) => told.push(message),
  });
  const publish = (text: string) =>
    notifier.publish({ topic: "t", bytes: bytes(text), to: undefined });
  // It is sealed two minutes before the server can be reached.
  clock.set(Date.now() - 120_000);
  proxy.refuse();
  publish("late");
  await until(() => told.length === 1);
  clock.set(Date.now());
  proxy.resume();
  await until(() => heard.length === 1);
  assert.deepEqual(heard, ["overflow"]);
  assert.equal(other.counters()["replayed"], 1);
  publish("in time");
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ["overflow", "in time"]);
  assert.deepEqual(told, ["Cannot notify"], "who sent it has missed nothing");
  await notifier.close();
});

Deno.test("who publishes again whenever something was refused does not flood the server", async () => {
  await using db = await createTestDatabase();
  const clock = new ServerClock();
  const seal = new Seal("0".repeat(32), clock);
  seal.seal = () => "x".repeat(8_000);
  const again = () => notifier.publish({ topic: "t", bytes: bytes("again"), to: undefined });
  const notifier: Notifier = new Notifier({
    connection: { url: db.url },
    seal,
    clock,
    onOverflow: again,
    warn: () => {},
  });
  again();
  const startedAt = performance.now();
  await until(() => notifier.counters.dropped >= 3);
  // Two pauses of 250 ms lie between three refusals: longer on a busy machine, never shorter.
  assert.ok(performance.now() - startedAt > 450);
  await notifier.close();
});

Deno.test("without a key it opens, says what is missing, and goes on once there is one", async () => {
  await using db = await createTestDatabase();
  await db.sql`create table kept as select secret from channels.keys`;
  await db.sql`delete from channels.keys`;
  const warnings: unknown[] = [];
  const startedAt = performance.now();
  await using bus = await openPostgresBus({
    url: db.url,
    warn: (message, error) => warnings.push(`${message}: ${(error as Error).message}`),
  });
  const reads = async () => {
    const rows = await db.sql`
      select calls from (select xact_commit as calls from pg_stat_database
        where datname = current_database()) s`;
    return Number(rows[0]!["calls"]);
  };
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const tookS = (performance.now() - startedAt) / 1_000;
  assert.ok(await reads() < 100 * tookS, `${await reads()} commits in ${tookS} s`);
  assert.equal(warnings.length, 1);
  assert.match(`${warnings[0]}`, /Cannot notify: .*channels\.keys is empty.*insert into/);
  const restored = Promise.withResolvers<void>();
  bus.onDoubt((reason) => reason === "restored" && restored.resolve());
  await db.sql`insert into channels.keys (secret) select secret from kept`;
  await restored.promise;
});

Deno.test("what is dropped because too much waits is told to the other instances", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const heard: string[] = [];
  two.onDoubt((reason) => heard.push(reason));
  let count = 0;
  two.subscribe("t", () => {
    if (count++ === 0) heard.push("first");
  });
  const big = new Uint8Array(1024 * 1024);
  for (let n = 0; n < 17; n++) one.publish("t", big);
  const dropped = one.counters()["dropped"]!;
  assert.ok(dropped > 0);
  await until(() => count === 17 - dropped);
  assert.deepEqual(heard, ["overflow", "first"]);
});

Deno.test("counters tell batches, bytes, reconnects and the lag of the heartbeat", async () => {
  await using db = await createTestDatabase();
  const payloads: string[] = [];
  const spy = await db.sql.listen("channels_all", (payload) => payloads.push(payload));
  await using bus = await openPostgresBus({ url: db.url });
  for (const size of [1, 2, 10, 11, 100, 101, 1_000, 1_001]) {
    for (let n = 0; n < size; n++) bus.publish("t", bytes("x"));
    await bus.flush();
  }
  const counters = bus.counters();
  const batches = ["Of1", "To10", "To100", "To1000", "Above1000"].map((name) =>
    counters[`batches${name}`]
  );
  assert.deepEqual(batches, [1, 2, 2, 2, 1]);
  await until(() => payloads.length === counters["payloads"]);
  assert.equal(counters["notifyBytes"], payloads.join("").length);
  assert.equal(counters["reconnects"], 0);
  const lagMs = counters["heartbeatLagMs"]!;
  assert.ok(lagMs > 0 && lagMs < 2_000, `${lagMs} ms`);
  const restored = Promise.withResolvers<void>();
  bus.onDoubt((reason) => reason === "restored" && restored.resolve());
  await db.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'maru-listener' and datname = current_database()`;
  await restored.promise;
  assert.equal(bus.counters()["reconnects"], 1);
  await spy.unlisten();
});

Deno.test("closing takes a few seconds when the database has gone silent", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  const layer = await postgresChannelLayer({ url: through.href });
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  await layer.presence("g");
  proxy.swallow();
  await layer.groupAdd("h", channel);
  await layer.groupSend("g", { n: 1 });
  const startedAt = performance.now();
  await layer.close();
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 6_000, `${tookMs} ms`);
});

Deno.test("closing ends the pause of whoever tries again: nothing is left that would ring later", async () => {
  await using db = await createTestDatabase();
  await db.sql`delete from channels.keys`;
  const clock = new ServerClock();
  const failed = Promise.withResolvers<void>();
  const notifier = new Notifier({
    connection: { url: db.url },
    seal: new Seal("0".repeat(32), clock),
    clock,
    onOverflow: () => {},
    warn: () => failed.resolve(),
  });
  const loaded = notifier.loadKeys();
  await failed.promise;
  await notifier.close();
  const after = new Promise((resolve) => setTimeout(resolve, 0, "paused"));
  assert.equal(await Promise.race([loaded, after]), false);
  await after;
});
