import assert from "node:assert/strict";
import {
  ChannelFullError,
  ChannelLayer,
  memoryBusNetwork,
  memoryChannelLayer,
  type Message,
  MessageTooLargeError,
} from "../../src/channels/mod.ts";

Deno.test("send, then receive; receive, then send; in order", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  await layer.send(channel, { n: 1 });
  await layer.send(channel, { n: 2 });
  assert.deepEqual(await layer.receive(channel), { n: 1 });
  assert.deepEqual(await layer.receive(channel), { n: 2 });
  const waiting = layer.receive(channel);
  await layer.send(channel, { n: 3 });
  assert.deepEqual(await waiting, { n: 3 });
});

Deno.test("one more than the capacity is ChannelFullError with what was not sent", async () => {
  await using layer = memoryChannelLayer({ capacity: 3, channelCapacity: [[/^big\./, 5]] });
  for (const [prefix, capacity] of [["small", 3], ["big", 5]] as const) {
    const channel = layer.newChannel(prefix);
    for (let i = 0; i < capacity; i++) await layer.send(channel, { i });
    await assert.rejects(layer.send(channel, { i: "over" }), (error: ChannelFullError) => {
      assert.ok(error instanceof ChannelFullError);
      return error.unsent["i"] === "over";
    });
  }
  for (const capacity of [0, -1, 1.5]) {
    assert.throws(() => memoryChannelLayer({ capacity }), RangeError);
  }
});

Deno.test("a group gives each member a copy, once; who left gets none; a full one stops nobody", async () => {
  const warnings: string[] = [];
  await using layer = memoryChannelLayer({
    capacity: 1,
    warn: (message) => warnings.push(message),
  });
  const [a, b, c] = [layer.newChannel(), layer.newChannel(), layer.newChannel()];
  for (const channel of [a, b, c]) await layer.groupAdd("g", channel);
  await layer.groupAdd("g", a);
  await layer.groupDiscard("g", c);
  await layer.groupDiscard("none", c);
  await layer.groupSend("nobody", { n: 0 });
  await layer.send(a, { n: "fills it" });
  await layer.groupSend("g", { n: 1 });
  assert.deepEqual(await layer.receive(b), { n: 1 });
  assert.deepEqual(await layer.receive(a), { n: "fills it" });
  assert.equal(layer.counters()["droppedByCapacity"], 1);
  assert.equal(warnings.length, 1);
  await assert.rejects(layer.receive(c, { signal: AbortSignal.abort() }));
});

Deno.test("groups and process-local channels reach over instances; only the owner receives", async () => {
  const network = memoryBusNetwork();
  await using one = new ChannelLayer(network.bus());
  await using two = new ChannelLayer(network.bus());
  const channel = two.newChannel();
  await one.groupAdd("g", channel);
  await one.groupSend("g", { n: 1 });
  assert.deepEqual(await two.receive(channel), { n: 1 });
  await one.send(channel, { n: 2 });
  assert.deepEqual(await two.receive(channel), { n: 2 });
  await assert.rejects(one.receive(channel), /another instance owns it/);
});

Deno.test("cancelling a receive loses no message", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  for (let i = 0; i < 20; i++) {
    const cancel = new AbortController();
    const waiting = layer.receive(channel, { signal: cancel.signal });
    if (i % 2 === 0) cancel.abort();
    await layer.send(channel, { i });
    if (i % 2 === 0) {
      await assert.rejects(waiting);
      assert.deepEqual(await layer.receive(channel), { i });
    } else {
      cancel.abort();
      assert.deepEqual(await waiting, { i });
    }
  }
});

Deno.test("messages and memberships expire by the clock", async () => {
  let now = 0;
  await using layer = memoryChannelLayer({ expiryMs: 100, groupExpiryMs: 1_000, now: () => now });
  const channel = layer.newChannel();
  await layer.send(channel, { n: "old" });
  now = 101;
  await layer.send(channel, { n: "new" });
  assert.deepEqual(await layer.receive(channel), { n: "new" });
  await layer.groupAdd("g", channel);
  now = 1_100;
  await layer.groupSend("g", { n: 1 });
  assert.deepEqual(await layer.receive(channel), { n: 1 });
  now = 1_102;
  await layer.groupSend("g", { n: 2 });
  assert.equal(layer.counters()["delivered"], 1);
});

Deno.test("a received message is frozen to its depths", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const message: Message = { list: [{ deep: 1 }] };
  await layer.send(channel, message);
  const received = await layer.receive(channel) as { list: { deep: number }[] };
  assert.throws(() => received.list[0]!.deep = 2, TypeError);
  assert.notEqual(received, message, "the sender's own object stays free");
});

Deno.test("a bad name is a TypeError that says which rule was broken", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  for (const name of ["", "a b", "a/b", "가", "a!b", 7 as unknown as string]) {
    await assert.rejects(layer.groupAdd(name, channel), TypeError);
    await assert.rejects(layer.groupSend(name, {}), TypeError);
    await assert.rejects(layer.groupDiscard(name, channel), TypeError);
  }
  await assert.rejects(layer.groupSend("x".repeat(100), {}), /length 100 is not below 100/);
  for (const name of ["plain", "a!b!c", "!x", "x!", `a!${"x".repeat(100)}`]) {
    await assert.rejects(layer.send(name, {}), TypeError);
  }
});

Deno.test("what is no JSON object, or too large, is refused; nothing goes on after close", async () => {
  const layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  for (const bad of [null, [], "text", 1, cycle, { big: 1n }]) {
    await assert.rejects(layer.send(channel, bad as Message), TypeError);
  }
  await assert.rejects(
    layer.send(channel, { x: "x".repeat(1024 * 1024 + 300) }),
    MessageTooLargeError,
  );
  await layer.send(channel, { x: "x".repeat(1024 * 1024 - 10) });
  await layer.receive(channel);
  const waiting = layer.receive(channel);
  await layer.close();
  await assert.rejects(waiting, /closed/);
  await assert.rejects(layer.send(channel, {}), /closed/);
  await layer.close();
});

Deno.test("a handler that throws, subscribes or leaves while it is called stops nobody", async () => {
  const warnings: string[] = [];
  await using layer = memoryChannelLayer({ warn: (message) => warnings.push(message) });
  const [bad, leaving, good] = [layer.newChannel(), layer.newChannel(), layer.newChannel()];
  const leave = new AbortController();
  const got: unknown[] = [];
  layer.subscribe(bad, () => {
    throw new Error("broken");
  });
  layer.subscribe(leaving, (message) => {
    got.push(["leaving", message["n"]]);
    leave.abort();
  }, { signal: leave.signal });
  layer.subscribe(good, (message) => got.push(["good", message["n"]]));
  for (const channel of [bad, leaving, good]) await layer.groupAdd("g", channel);
  await layer.groupSend("g", { n: 1 });
  await layer.groupSend("g", { n: 2 });
  assert.deepEqual(got, [["leaving", 1], ["good", 1], ["good", 2]]);
  assert.equal(warnings.length, 2);
});
