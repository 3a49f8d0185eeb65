import assert from "node:assert/strict";
import { type ChannelLayer, type Doubt, postgresChannelLayer } from "../../src/channels/mod.ts";
import { connect } from "../../src/db/pool.ts";
import { PrivateServer } from "../support/database.ts";

/** Resolves when a layer tells this doubt. */
function told(layer: ChannelLayer, wanted: Doubt): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  layer.onDoubt((reason) => {
    if (reason !== wanted) return;
    stop.abort();
    resolve();
  }, { signal: stop.signal });
  return promise;
}

/** Somebody else's session that listens and does not read, until the queue takes no more. */
async function fillNotifyQueue(url: string): Promise<{ release(): Promise<void> }> {
  const stalled = connect(url, { name: "somebody-else" });
  const released = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await stalled`listen something`;
  const held = stalled.begin(async (tx) => {
    await tx`select`;
    begun.resolve();
    await released.promise;
  });
  await begun.promise;
  const filler = connect(url, { name: "somebody-else" });
  const fill = (rows: number) =>
    filler`select pg_notify('something', i || repeat('x', 7000)) from generate_series(1, ${rows}) i`;
  for (const rows of [20, 1]) {
    for (let full = false; !full;) full = await fill(rows).then(() => false, () => true);
  }
  return {
    async release() {
      released.resolve();
      await held;
      await stalled.end();
      // What nobody waits for any more moves on with the next notification.
      for (let sent = false; !sent;) sent = await fill(1).then(() => true, () => false);
      await filler.end();
    },
  };
}

Deno.test("a notify queue that somebody else fills holds messages up; they arrive when it moves", async () => {
  await using server = await PrivateServer.start({ max_notify_queue_pages: "64" });
  const { url } = server;
  const warnings: string[] = [];
  await using one = await postgresChannelLayer({
    url,
    heartbeatIntervalMs: 300,
    warn: (message) => warnings.push(message),
  });
  await using two = await postgresChannelLayer({ url, heartbeatIntervalMs: 300 });
  const [here, there] = [one.newChannel(), two.newChannel()];
  await one.groupAdd("g", here);
  await two.groupAdd("g", there);
  const lost = [one, two].map((layer) => told(layer, "lost"));
  const queue = await fillNotifyQueue(url);
  for (let n = 0; n < 3; n++) await one.groupSend("g", { n });
  // Those of the same instance get them all the same.
  for (let n = 0; n < 3; n++) assert.deepEqual(await one.receive(here), { n });
  await Promise.all(lost);
  const restored = [one, two].map((layer) => told(layer, "restored"));
  await queue.release();
  await Promise.all(restored);
  await one.groupSend("g", { n: "at last" });
  const got: unknown[] = [];
  while (got.at(-1) !== "at last") got.push((await two.receive(there))["n"]);
  // What was told while nobody could listen may be missing; the order holds, and nothing is double.
  assert.deepEqual(got, [...new Set(got)]);
  assert.deepEqual(got.slice(0, -1), [0, 1, 2].filter((n) => got.includes(n)));
  assert.ok(warnings.includes("Cannot notify"));
});

Deno.test("what waits for a server that is away is bounded; what was dropped is told", async () => {
  await using server = await PrivateServer.start();
  const { url } = server;
  await using one = await postgresChannelLayer({ url, capacity: 10 });
  await using two = await postgresChannelLayer({ url, capacity: 100_000 });
  const channel = two.newChannel();
  await two.groupAdd("g", channel);
  const lost = [one, two].map((layer) => told(layer, "lost"));
  await server.stop("immediate");
  await Promise.all(lost);
  const overflow = told(one, "overflow");
  const text = "x".repeat(64 * 1024);
  for (let n = 0; n < 400; n++) await one.groupSend("g", { n, text });
  await overflow;
  assert.ok(one.counters().bus["dropped"]! > 0);
  const restored = [one, two].map((layer) => told(layer, "restored"));
  await server.restart();
  await Promise.all(restored);
  await one.groupSend("g", { n: "again" });
  let last: unknown;
  while (last !== "again") last = (await two.receive(channel))["n"];
});
