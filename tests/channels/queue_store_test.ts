import assert from "node:assert/strict";
import {
  ChannelFullError,
  memoryQueueStore,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { QUEUE_POLL_MS } from "../../src/channels/queue_readers.ts";
import { createTestDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

Deno.test("two who send at once do not both take the last place of a queue channel", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url, capacity: 3 });
  await layer.send("queue", { n: 1 });
  const taken = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const other = db.sql.begin(async (tx) => {
    for (let n = 2; n <= 3; n++) {
      await tx`select channels.enqueue_exactly('queue', '{"n": 2}', 60000, 3)`;
    }
    taken.resolve();
    await commit.promise;
  });
  await taken.promise;
  // It would find two places, for it cannot see what is not committed.
  const sent = assert.rejects(layer.send("queue", { n: 4 }), ChannelFullError);
  const waits = async () =>
    (await db.sql`select from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`).length > 0;
  const refused = sent.then(() => true);
  while (!await waits()) {
    const early = await Promise.race([refused, new Promise((resolve) => setTimeout(resolve, 10))]);
    assert.notEqual(early, true, "it did not wait for the other");
  }
  commit.resolve();
  await other;
  await sent;
  assert.equal((await db.sql`select from channels.queue`).length, 3);
});

Deno.test("of many concurrent sends exactly the capacity gets in", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url, capacity: 10 });
  await using two = await postgresChannelLayer({ url: db.url, capacity: 10 });
  await using three = await postgresChannelLayer({ url: db.url, capacity: 10 });
  const sends = Array.from(
    { length: 20 },
    (_, n) => [one, two, three].map((l) => l.send("q", { n })),
  );
  const outcomes = await Promise.allSettled(sends.flat());
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 10);
  assert.equal((await db.sql`select from channels.queue`).length, 10);
});

Deno.test("the capacity is exact, and no send fails, whatever isolation is the default", async () => {
  await using db = await createTestDatabase();
  const database = new URL(db.url).pathname.slice(1);
  for (const isolation of ["repeatable read", "serializable"]) {
    await db.sql.unsafe(
      `alter database ${database} set default_transaction_isolation = '${isolation}'`,
    );
    await using layer = await postgresChannelLayer({
      url: db.url,
      capacity: 2,
      connection: { connection: { default_transaction_isolation: "serializable" } },
    });
    await layer.send("queue", { n: 1 });
    const taken = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const other = db.sql.begin("isolation level read committed", async (tx) => {
      await tx`select channels.enqueue_exactly('queue', '{"n": 2}', 60000, 2)`;
      taken.resolve();
      await commit.promise;
    });
    await taken.promise;
    const sent = layer.send("queue", { n: 3 }).then(() => "sent", (error: Error) => error.name);
    const waits = async () =>
      (await db.sql`select from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`).length >
        0;
    await until(waits);
    commit.resolve();
    await other;
    assert.equal(await sent, "ChannelFullError", isolation);
    await layer.flush();
  }
});

Deno.test("a reader on another instance is woken, and does not wait for its next look", async () => {
  await using db = await createTestDatabase();
  await using one = await postgresChannelLayer({ url: db.url });
  await using two = await postgresChannelLayer({ url: db.url });
  const tookMs: number[] = [];
  for (let n = 0; n < 5; n++) {
    const startedAt = performance.now();
    const received = two.receive("queue");
    // Goes over the same connection: its first look is over then, and found nothing.
    await two.presence("g");
    if (n % 2 === 0) await one.send("queue", { n });
    else await db.sql`select channels.send('queue', ${db.sql.json({ n })})`;
    assert.deepEqual(await received, { n });
    tookMs.push(performance.now() - startedAt);
  }
  // The best of each kind, for a machine that does much else.
  for (const kind of [0, 1]) {
    const best = Math.min(...tookMs.filter((_, n) => n % 2 === kind));
    assert.ok(best < QUEUE_POLL_MS / 2, `${best} ms`);
  }
});

Deno.test("a message may wait for as long as one likes", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({
    url: db.url,
    expiryMs: Number.MAX_VALUE,
    groupExpiryMs: Number.MAX_VALUE,
  });
  await layer.send("queue", { n: 1 });
  assert.deepEqual(await layer.receive("queue"), { n: 1 });
  await layer.groupAdd("g", layer.newChannel());
  assert.equal((await layer.presence("g")).length, 1);
});

Deno.test("a reader does not wait for somebody who is just removing what has expired", async () => {
  await using db = await createTestDatabase();
  await using layer = await postgresChannelLayer({ url: db.url });
  await db.sql`insert into channels.queue (channel, message, expires_at)
    values ('queue', '{"n": 1}', now() - interval '1 minute'),
      ('queue', '{"n": 2}', now() + interval '1 minute')`;
  const removed = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const removing = db.sql.begin(async (tx) => {
    await tx`delete from channels.queue where channel = 'queue' and expires_at < now()`;
    removed.resolve();
    await commit.promise;
  });
  await removed.promise;
  try {
    const late = AbortSignal.timeout(4_000);
    assert.deepEqual(await layer.receive("queue", { signal: late }), { n: 2 });
  } finally {
    commit.resolve();
    await removing;
  }
});

Deno.test("memory keeps no expired message of a channel that nobody asks for any more", async () => {
  let now = 0;
  const store = memoryQueueStore({ now: () => now });
  const limits = { ttlMs: 60_000, capacity: 1 };
  for (let n = 0; n < 100; n++) await store.put(`job-${n}`, "{}", limits);
  now += 60_001;
  await store.put("last", "{}", limits);
  assert.equal(store.expired, 100);
  assert.equal((await store.take("last", 1)).length, 1);
});
