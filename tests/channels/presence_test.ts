import assert from "node:assert/strict";
import {
  type ChannelLayer,
  memoryChannelLayer,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { createTestDatabase } from "../support/database.ts";

// What is promised.
const GONE_WITHIN_MS = 15_000;

async function infos(layer: ChannelLayer, group: string): Promise<unknown[]> {
  return (await layer.presence(group)).map(({ info }) => info);
}

async function until(condition: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!await condition()) {
    assert.ok(performance.now() < deadline, `not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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

Deno.test("an instance that is killed leaves nothing behind", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const own = layer.newChannel();
  await layer.groupAdd("room", own, { info: { name: "survivor" } });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "tests/channels/presence_member.ts", db.url, "room"],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const channel = (await output.read()).value!.trim();
  assert.equal((await layer.presence("room")).length, 2);
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  const rows = () => db.sql`select from channels.memberships`;
  await until(async () => (await rows()).length === 1, GONE_WITHIN_MS);
  assert.deepEqual(await infos(layer, "room"), [{ name: "survivor" }]);
  assert.equal((await db.sql`select from channels.instances`).length, 1);
  // Whatever is sent to it goes nowhere, and harms nobody.
  await layer.send(channel, { n: 1 });
  await layer.groupAdd("room", channel);
  await layer.groupSend("room", { n: 2 });
  assert.deepEqual(await layer.receive(own), { n: 2 });
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
    warn: (message) => warnings.push(message),
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
