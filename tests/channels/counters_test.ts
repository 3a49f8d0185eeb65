import assert from "node:assert/strict";
import {
  ChannelFullError,
  ChannelLayer,
  type ChannelLayerOptions,
  memoryBusNetwork,
  memoryQueueStore,
  openPostgresBus,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";

/** Layers that hear each other. */
interface Network extends AsyncDisposable {
  layer(options?: ChannelLayerOptions): Promise<ChannelLayer>;
  /** From now on, what waits in a queue has waited for too long. */
  expireQueues(): Promise<void>;
}

const BACKENDS: Readonly<Record<string, () => Promise<Network>>> = {
  memory() {
    let now = 0;
    const network = memoryBusNetwork();
    const parts = { queues: memoryQueueStore({ now: () => now }) };
    return Promise.resolve({
      layer: (options = {}) => Promise.resolve(new ChannelLayer(network.bus(), options, parts)),
      expireQueues: () => Promise.resolve(void (now += 60_000)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  async PostgreSQL() {
    const db = await createTestDatabase();
    return {
      layer: (options = {}) => postgresChannelLayer({ ...options, url: db.url }),
      async expireQueues() {
        await db.sql`update channels.queue set expires_at = clock_timestamp()`;
      },
      [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
    };
  },
};

/** A layer's own counters, in the order in which they are documented. */
function counted(layer: ChannelLayer): number[] {
  const { sent, delivered, droppedByCapacity, expired, undecodable } = layer.counters();
  return [sent, delivered, droppedByCapacity, expired, undecodable];
}

for (const [backend, open] of Object.entries(BACKENDS)) {
  Deno.test(`${backend}: what is sent counts once, what is delivered once for each channel`, async () => {
    await using network = await open();
    await using one = await network.layer();
    await using two = await network.layer();
    const [first, second, other] = [one.newChannel(), one.newChannel(), two.newChannel()];
    await one.send(first, {});
    assert.deepEqual(counted(one), [1, 1, 0, 0, 0]);
    await one.send(other, {});
    assert.deepEqual(counted(one), [2, 1, 0, 0, 0]);
    await one.send("queue", {});
    assert.deepEqual(counted(one), [3, 1, 0, 0, 0]);
    for (const channel of [first, second]) await one.groupAdd("g", channel);
    await one.groupSend("g", {});
    assert.deepEqual(counted(one), [4, 3, 0, 0, 0]);
    await one.groupSend("nobody", {});
    assert.deepEqual(counted(one), [5, 3, 0, 0, 0]);
    await one.groupAdd("g", other);
    // To the other's channel, the queue's wake, to two groups, the join.
    await until(() => one.counters().bus["sent"] === 5);
    await until(() => two.counters().bus["delivered"] === 5);
    assert.deepEqual(counted(two), [0, 1, 0, 0, 0]);
    await one.groupSend("g", {});
    await until(() => two.counters().delivered === 2);
    assert.deepEqual(counted(one), [6, 5, 0, 0, 0]);
    assert.equal(one.counters().bus["delivered"], 0);
    assert.equal(two.counters().bus["sent"], 0);
  });

  Deno.test(`${backend}: what finds a channel full is dropped by its owner, and was not sent`, async () => {
    await using network = await open();
    await using one = await network.layer({ capacity: 1 });
    await using two = await network.layer({ capacity: 1 });
    const [channel, other] = [one.newChannel(), two.newChannel()];
    for (const full of [channel, "queue"]) {
      await one.send(full, {});
      await assert.rejects(one.send(full, {}), ChannelFullError);
    }
    assert.deepEqual(counted(one), [2, 1, 2, 0, 0]);
    await one.groupAdd("g", channel);
    await one.groupSend("g", {});
    assert.deepEqual(counted(one), [3, 1, 3, 0, 0]);
    for (let n = 0; n < 2; n++) await one.send(other, {});
    await until(() => two.counters().droppedByCapacity === 1);
    assert.deepEqual(counted(one), [5, 1, 3, 0, 0]);
    assert.deepEqual(counted(two), [0, 1, 1, 0, 0]);
  });

  Deno.test(`${backend}: what nobody took in time counts when somebody sends, and when somebody looks`, async () => {
    await using network = await open();
    let now = 0;
    await using layer = await network.layer({ capacity: 2, expiryMs: 60_000, now: () => now });
    const channel = layer.newChannel();
    const expire = { [channel]: () => Promise.resolve(void (now += 60_000)) };
    let expired = 0;
    for (const name of [channel, "queue"]) {
      const age = expire[name] ?? network.expireQueues;
      for (let n = 0; n < 2; n++) await layer.send(name, {});
      await age();
      await layer.send(name, {});
      assert.equal(layer.counters().expired, expired + 2);
      await age();
      const cancel = new AbortController();
      const looking = assert.rejects(layer.receive(name, { signal: cancel.signal }), /enough/);
      await until(() => layer.counters().expired === expired + 3);
      cancel.abort(new Error("enough"));
      await looking;
      expired = layer.counters().expired;
    }
    assert.equal(layer.counters().sent, 6);
    assert.equal(layer.counters().droppedByCapacity, 0);
    await layer.close();
    assert.equal(layer.counters().expired, 6);
  });
}

Deno.test("a bus counts each payload that it hears, also its own, and what came in them", async () => {
  await using db = await createTestDatabase();
  await using one = await openPostgresBus({ url: db.url });
  await using two = await openPostgresBus({ url: db.url });
  const heard = async (bus: typeof one, payloads: number, publications: number) => {
    await until(() => bus.counters()["received"] === payloads);
    assert.equal(bus.counters()["delivered"], publications);
  };
  // Those that are published at once go together.
  one.publish("t", new Uint8Array());
  await one.flush();
  for (let n = 0; n < 3; n++) one.publish("t", new Uint8Array());
  await one.flush();
  await heard(one, 2, 0);
  await heard(two, 2, 4);
  one.publish("t", new Uint8Array(), { to: two.instance });
  await heard(two, 3, 5);
  await db.sql`select channels.group_send('g', '{}')`;
  await heard(one, 3, 1);
  await heard(two, 4, 6);
  assert.equal(one.counters()["sent"], 5);
  assert.equal(one.counters()["payloads"], 3);
});

Deno.test("a bus counts its LISTEN statements and the heartbeats that came back", async () => {
  await using db = await createTestDatabase();
  await using bus = await openPostgresBus({ url: db.url, heartbeatIntervalMs: 2_000 });
  assert.equal(bus.counters()["listens"], 2);
  const before = bus.counters()["heartbeats"]!;
  await until(() => bus.counters()["heartbeats"]! > before);
  assert.equal(bus.counters()["listens"], 2);
  await db.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'maru-listener' and datname = current_database()`;
  await until(() => bus.counters()["reconnects"] === 1 && bus.health().listening);
  assert.equal(bus.counters()["listens"], 4);
});
