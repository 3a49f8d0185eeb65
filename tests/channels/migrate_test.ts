import assert from "node:assert/strict";
import {
  type ChannelLayer,
  type Message,
  MESSAGE_MAX_BYTES,
  migrateChannels,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { connect, type Sql } from "../../src/db/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** The SQLSTATE that a statement fails with. */
async function state(statement: PromiseLike<unknown>): Promise<string> {
  try {
    await statement;
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
}

/** A role of a test's own, and a connection of its. */
async function role(sql: Sql, url: string) {
  const name = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await sql.unsafe(`create role ${name} login`);
  const own = new URL(url);
  own.username = name;
  const connection = connect(own.href, { name: "somebody" });
  return {
    name,
    url: own.href,
    sql: connection,
    async [Symbol.asyncDispose]() {
      await connection.end();
      await sql.unsafe(`drop owned by ${name} cascade; drop role ${name}`);
    },
  };
}

Deno.test("only the first start needs the right to create in the database", async () => {
  await using db = await createTestDatabase();
  const name = new URL(db.url).pathname.slice(1);
  await db.sql`drop schema channels cascade`;
  await using owner = await role(db.sql, db.url);
  await assert.rejects(migrateChannels(owner.url), /permission denied for database/);
  await db.sql.unsafe(`grant create on database ${name} to ${owner.name}`);
  const steps: string[] = [];
  await migrateChannels(owner.url, { log: (line) => steps.push(line) });
  assert.ok(steps.length > 0);
  await db.sql.unsafe(`revoke create on database ${name} from ${owner.name}`);
  await migrateChannels(owner.url, { log: () => assert.fail("nothing was missing") });
  await using layer = await postgresChannelLayer({ url: owner.url });
  await layer.send("queue", { n: 1 });
  assert.deepEqual(await layer.receive("queue"), { n: 1 });
});

Deno.test("many instances that start at once make the schema once", async () => {
  await using db = await createTestDatabase();
  await db.sql`drop schema channels cascade`;
  const steps: string[] = [];
  const log = (line: string) => steps.push(line);
  await Promise.all([1, 2, 3, 4].map(() => migrateChannels(db.url, { log })));
  assert.deepEqual(steps, [...new Set(steps)]);
  assert.equal((await db.sql`select from channels.migrations`).length, steps.length);
  assert.equal((await db.sql`select from channels.keys`).length, 1);
});

Deno.test("maru_publisher may call the SQL functions for sending, others may not", async () => {
  await using db = await createTestDatabase();
  await using somebody = await role(db.sql, db.url);
  const calls = [
    () => somebody.sql`select channels.group_send('g', '{}')`,
    () => somebody.sql`select channels.send('queue', '{}')`,
  ];
  const inner = [
    () => somebody.sql`select channels.publish_signed('{}')`,
    () => somebody.sql`select channels.assert_message('{}')`,
    () => somebody.sql`select channels.enqueue('queue', '{}', 1, 1)`,
    () => somebody.sql`select channels.enqueue_exactly('queue', '{}', 1, 1)`,
    () => somebody.sql`select secret from channels.keys`,
    () => somebody.sql`select from channels.queue`,
    () => somebody.sql`select from channels.memberships`,
  ];
  for (const call of [...calls, ...inner]) assert.equal(await state(call()), "42501", `${call}`);
  // Even where the schema is open to all.
  await db.sql`grant usage on schema channels to public`;
  for (const call of [...calls, ...inner]) assert.equal(await state(call()), "42501", `${call}`);
  await db.sql`revoke usage on schema channels from public`;
  await db.sql.unsafe(`grant maru_publisher to ${somebody.name}`);
  for (const call of calls) assert.equal(await state(call()), "none", `${call}`);
  for (const call of inner) assert.equal(await state(call()), "42501", `${call}`);
});

Deno.test("what SQL sends to no name, or without a message, is refused like other bad input", async () => {
  await using db = await createTestDatabase();
  const { sql } = db;
  const bad = [null, "", "no/name", "x".repeat(100), "a!b!c"];
  for (const name of bad) {
    const group = sql`select channels.group_send(${name}, '{}')`;
    await assert.rejects(group, /Cannot send to group/, `${name}`);
    await assert.rejects(sql`select channels.send(${name}, '{}')`, /Cannot send to channel/);
    assert.equal(await state(sql`select channels.group_send(${name}, '{}')`), "22023", `${name}`);
    assert.equal(await state(sql`select channels.send(${name}, '{}')`), "22023", `${name}`);
  }
  for (const message of [null, "[]", "null", "1"]) {
    assert.equal(
      await state(sql`select channels.group_send('g', ${message}::text::jsonb)`),
      "22023",
    );
    assert.equal(await state(sql`select channels.send('q', ${message}::text::jsonb)`), "22023");
  }
});

/** The three ways to send from SQL, each with the channel where it arrives. */
async function senders(db: TestDatabase, layer: ChannelLayer) {
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  const { sql } = db;
  return [
    [channel, (text: string) => sql`select channels.group_send('g', ${text}::text::jsonb)`],
    [channel, (text: string) => sql`select channels.send(${channel}, ${text}::text::jsonb)`],
    ["queue", (text: string) => sql`select channels.send('queue', ${text}::text::jsonb)`],
  ] as const;
}

Deno.test("SQL sends what a layer sends, up to 1 MiB of JSON without spaces, and no more", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const filled = (content: Message, length: number) => {
    const pad = length - bytes(JSON.stringify({ ...content, pad: "" }));
    return JSON.stringify({ ...content, pad: "x".repeat(pad) });
  };
  const contents = [
    {},
    // jsonb writes a space after each comma and colon.
    { list: Array(400_000).fill(1) },
    {
      '", "': ['"', '\\", : \\\\', "마루 : 마루", {}, { a: [[], null] }],
      list: Array(10_000).fill(": , "),
    },
  ];
  for (const [channel, send] of await senders(db, layer)) {
    for (const content of contents) {
      const fits = filled(content, MESSAGE_MAX_BYTES);
      assert.equal(bytes(fits), MESSAGE_MAX_BYTES);
      await layer.send(channel, JSON.parse(fits));
      await layer.receive(channel);
      await send(fits);
      assert.deepEqual(await layer.receive(channel), JSON.parse(fits));
      const large = filled(content, MESSAGE_MAX_BYTES + 1);
      await assert.rejects(send(large), { code: "54000", message: /more than 1 MiB/ });
    }
  }
});

Deno.test("SQL refuses a message nested deeper than 1,000", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  const lists = (depth: number) => `{"n":${"[".repeat(depth - 1)}1${"]".repeat(depth - 1)}}`;
  const objects = (depth: number) => `${'{"n":'.repeat(depth)}1${"}".repeat(depth)}`;
  const wide = (depth: number) =>
    `{"a":${JSON.stringify("[".repeat(3_000))},"l":[1,[],${lists(depth - 2)}]}`;
  for (const [channel, send] of await senders(db, layer)) {
    for (const make of [lists, objects, wide]) {
      await send(make(1_000));
      assert.equal(JSON.stringify(await layer.receive(channel)), make(1_000));
      await assert.rejects(send(make(1_001)), { code: "22023", message: /deeper than 1000/ });
    }
  }
});
