import assert from "node:assert/strict";
import {
  ChannelLayer,
  MEMBER_INFO_MAX_BYTES,
  memoryBusNetwork,
  memoryChannelLayer,
  type Message,
} from "../../src/channels/mod.ts";

Deno.test("a capacity that is no whole number above 0, or a time not above 0, is refused", () => {
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => memoryChannelLayer({ capacity }), RangeError);
    assert.throws(() => memoryChannelLayer({ channelCapacity: [[/x/, capacity]] }), RangeError);
  }
  for (const expiry of [0, -1, NaN, Infinity]) {
    assert.throws(() => memoryChannelLayer({ expiryMs: expiry }), /Cannot use expiryMs/);
    assert.throws(() => memoryChannelLayer({ groupExpiryMs: expiry }), RangeError);
  }
});

Deno.test("what is no JSON object is refused, by every operation that sends", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const toJson = { toJSON: () => "a string" };
  const bad = [undefined, null, [], "text", 1, new Map(), new Date(), cycle, { big: 1n }, toJson];
  for (const message of bad as Message[]) {
    for (const target of [channel, "queue"]) {
      await assert.rejects(layer.send(target, message), (error: Error) => {
        assert.ok(error instanceof TypeError);
        return /^Cannot send/.test(error.message);
      });
    }
    await assert.rejects(layer.groupSend("g", message), TypeError);
  }
});

Deno.test("an async handler gets its next message when it is done with the last", async () => {
  await using layer = memoryChannelLayer({ capacity: 2 });
  const channel = layer.newChannel();
  const log: string[] = [];
  const third = Promise.withResolvers<void>();
  layer.subscribe(channel, async ({ n }) => {
    log.push(`begins ${n}`);
    await Promise.resolve();
    log.push(`ends ${n}`);
    if (n === 3) third.resolve();
  });
  await layer.send(channel, { n: 1 });
  await layer.send(channel, { n: 2 });
  await layer.send(channel, { n: 3 });
  await third.promise;
  assert.deepEqual(log, ["begins 1", "ends 1", "begins 2", "ends 2", "begins 3", "ends 3"]);
});

Deno.test("a handler that never returns fills its own channel and holds up nobody", async () => {
  await using layer = memoryChannelLayer({ capacity: 2 });
  const [stuck, other] = [layer.newChannel(), layer.newChannel()];
  layer.subscribe(stuck, () => new Promise(() => {}));
  for (const channel of [stuck, other]) await layer.groupAdd("g", channel);
  for (let n = 0; n < 5; n++) {
    await layer.groupSend("g", { n });
    assert.deepEqual(await layer.receive(other), { n });
  }
  assert.equal(layer.counters().droppedByCapacity, 2);
});

Deno.test("a handler that throws, rejects, subscribes or leaves while it is called stops nobody", async () => {
  const warnings: string[] = [];
  await using layer = memoryChannelLayer({ warn: (message) => warnings.push(message) });
  const names = ["throws", "rejects", "leaves", "subscribes", "good"] as const;
  const channels = Object.fromEntries(names.map((name) => [name, layer.newChannel(name)]));
  const leave = new AbortController();
  const got: unknown[] = [];
  const done = Promise.withResolvers<void>();
  layer.subscribe(channels["throws"]!, () => {
    throw new Error("broken");
  });
  layer.subscribe(channels["rejects"]!, () => Promise.reject(new Error("broken later")));
  layer.subscribe(channels["leaves"]!, ({ n }) => {
    got.push(["leaves", n]);
    leave.abort();
  }, { signal: leave.signal });
  layer.subscribe(channels["subscribes"]!, ({ n }) => {
    const joined = layer.newChannel();
    layer.subscribe(joined, (message) => got.push(["joined", n, message["n"]]));
    return layer.groupAdd("g", joined);
  });
  layer.subscribe(channels["good"]!, ({ n }) => {
    got.push(["good", n]);
    if (n === 2) done.resolve();
  });
  for (const name of names) await layer.groupAdd("g", channels[name]!);
  await layer.groupSend("g", { n: 1 });
  await layer.groupSend("g", { n: 2 });
  await done.promise;
  // Who joins while a message is delivered gets the next one.
  assert.deepEqual(got, [["leaves", 1], ["good", 1], ["good", 2], ["joined", 1, 2]]);
  assert.equal(warnings.length, 4);
});

Deno.test("what a handler sends to its group comes after what is being delivered, for all", async () => {
  await using layer = memoryChannelLayer();
  const [echo, listener] = [layer.newChannel(), layer.newChannel()];
  layer.subscribe(echo, ({ n }) => n === 1 && layer.groupSend("g", { n: 2 }));
  for (const channel of [echo, listener]) await layer.groupAdd("g", channel);
  await layer.groupSend("g", { n: 1 });
  assert.deepEqual(await layer.receive(listener), { n: 1 });
  assert.deepEqual(await layer.receive(listener), { n: 2 });
});

Deno.test("a channel has one handler, and nobody receives beside it", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const leave = new AbortController();
  layer.subscribe(channel, () => {}, { signal: leave.signal });
  assert.throws(() => layer.subscribe(channel, () => {}), /a handler has subscribed/);
  await assert.rejects(layer.receive(channel), /a handler has subscribed/);
  await layer.groupAdd("g", channel);
  leave.abort();
  assert.deepEqual(await layer.presence("g"), [], "who unsubscribes is in no group any more");
  layer.subscribe(channel, () => {}, { signal: AbortSignal.abort() });
  await layer.send(channel, { n: 1 });
  assert.deepEqual(await layer.receive(channel), { n: 1 });
});

Deno.test("a membership does not end while the channel has a handler", async () => {
  let now = 0;
  await using layer = memoryChannelLayer({ groupExpiryMs: 100, now: () => now });
  const [handled, other] = [layer.newChannel(), layer.newChannel()];
  const got: unknown[] = [];
  layer.subscribe(handled, ({ n }) => got.push(n));
  for (const channel of [handled, other]) await layer.groupAdd("g", channel);
  now = 1_000;
  await layer.groupSend("g", { n: 1 });
  await layer.send(other, { n: "nothing before this" });
  assert.deepEqual(got, [1]);
  assert.deepEqual(await layer.receive(other), { n: "nothing before this" });
});

Deno.test("flush empties channels, queues and groups of all instances", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  await layer.send(channel, { n: 1 });
  await layer.send("queue", { n: 1 });
  await layer.groupAdd("g", channel);
  await layer.flush();
  assert.deepEqual(await layer.presence("g"), []);
  await layer.groupSend("g", { n: 2 });
  await layer.send(channel, { n: 3 });
  await layer.send("queue", { n: 3 });
  assert.deepEqual(await layer.receive(channel), { n: 3 });
  assert.deepEqual(await layer.receive("queue"), { n: 3 });
});

Deno.test("who a member is may be told within a limit", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const fits = { x: "x".repeat(MEMBER_INFO_MAX_BYTES - '{"x":""}'.length) };
  await layer.groupAdd("g", channel, { info: fits });
  assert.deepEqual((await layer.presence("g"))[0]!.info, fits);
  await assert.rejects(
    layer.groupAdd("g", channel, { info: { x: `${fits.x}x` } }),
    /Cannot tell who a member is in 4097 bytes/,
  );
  await assert.rejects(layer.groupAdd("g", channel, { info: [] as never }), TypeError);
});

Deno.test("a layer without stores refuses queue channels and presence, and says why", async () => {
  await using layer = new ChannelLayer(memoryBusNetwork().bus());
  await assert.rejects(layer.send("queue", {}), /the layer has no queue store/);
  await assert.rejects(layer.receive("queue"), /the layer has no queue store/);
  await assert.rejects(layer.presence("g"), /the layer has no presence store/);
});
