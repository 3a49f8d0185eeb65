import assert from "node:assert/strict";
import { postgresChannelLayer } from "../../src/channels/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

// What is promised.
const GONE_WITHIN_MS = 15_000;

Deno.test("an instance that is killed leaves nothing behind, whoever lives", async () => {
  // Each in a database of its own; both wait for the same time.
  await Promise.all([surviveKilled({ members: 1 }), surviveKilled({ members: 0 })]);
});

/** One that never had members asks nothing, and removes what the dead left all the same. */
async function surviveKilled({ members }: { members: 0 | 1 }): Promise<void> {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const own = layer.newChannel();
  if (members > 0) await layer.groupAdd("room", own, { info: { name: "survivor" } });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      "--allow-env",
      "tests/channels/presence_member.ts",
      db.url,
      "room",
    ],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const channel = (await output.read()).value!.trim();
  const rows = () => db.sql`select from channels.memberships`;
  assert.equal((await rows()).length, members + 1);
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  await until(async () => (await rows()).length === members, GONE_WITHIN_MS);
  assert.equal((await db.sql`select from channels.instances`).length, members);
  // Whatever is sent to it goes nowhere, and harms nobody.
  await layer.groupAdd("room", own, { info: { name: "survivor" } });
  await layer.send(channel, { n: 1 });
  await layer.groupAdd("room", channel);
  await layer.groupSend("room", { n: 2 });
  assert.deepEqual(await layer.receive(own), { n: 2 });
  const present = await layer.presence("room");
  assert.deepEqual(present.map(({ info }) => info), [{ name: "survivor" }]);
}

Deno.test("an instance that writes for long is not taken for dead", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  const members = 6_500;
  for (let n = 0; n < members; n++) await one.groupAdd("room", one.newChannel());
  assert.equal((await one.presence("room")).length, members);
  // Four statements, together longer than a silence may be.
  await db.sql`create function linger() returns trigger language plpgsql as $$
    begin perform pg_sleep(3); return null; end $$`;
  await db.sql`create trigger linger after insert on channels.memberships
    for each statement execute function linger()`;
  await db.sql`truncate channels.instances, channels.memberships`;
  await until(async () => {
    const silences = await db.sql<{ s: number }[]>`
      select extract(epoch from clock_timestamp() - seen_at)::float8 as s from channels.instances`;
    for (const { s } of silences) assert.ok(s < 9, `not heard for ${s} s`);
    return (await db.sql`select from channels.memberships`).length === members;
  }, 30_000);
});

Deno.test("those who were cut off together do not take each other for dead", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const url = new URL(db.url);
  url.port = String(proxy.port);
  const options = { url: url.href, directUrl: db.url };
  await using one = await postgresChannelLayer(options);
  await using two = await postgresChannelLayer(options);
  for (const layer of [one, two]) {
    await layer.groupAdd("room", layer.newChannel());
    await layer.presence("room");
  }
  const rows = () => db.sql`select channel, joined_at from channels.memberships order by channel`;
  const seen = () =>
    db.sql<{ id: string; at: number; age: number }[]>`
      select id, extract(epoch from seen_at)::float8 as at,
        extract(epoch from clock_timestamp() - seen_at)::float8 as age
      from channels.instances order by id`;
  const [before, first] = [await rows(), await seen()];
  // Both have been there for long enough to take somebody for dead.
  await until(async () => (await seen()).every(({ at }, n) => at - first[n]!.at > 8));
  proxy.refuse();
  proxy.cut();
  await until(async () => (await seen()).every(({ age }) => age > 10.5));
  proxy.resume();
  await until(async () => (await seen()).every(({ age }) => age < 3));
  assert.deepEqual([...await rows()], [...before]);
  // Nobody came or left: nothing was written at all.
  assert.deepEqual((await seen()).map(({ id }) => id), first.map(({ id }) => id));
});
