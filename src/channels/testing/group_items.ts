import assert from "node:assert/strict";
import { ChannelFullError } from "../errors.ts";
import type { ChannelLayer } from "../layer.ts";
import type { ConformanceItem } from "./backend.ts";
import { take } from "./channel_items.ts";

/** Items about groups. */
export const groupItems: readonly ConformanceItem[] = [
  {
    number: 10,
    title: "of a group of three, one discarded, two receive",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const [first, gone, third] = [one.newChannel(), one.newChannel(), two.newChannel()];
      for (const channel of [first, gone]) await one.groupAdd("g", channel);
      await two.groupAdd("g", third);
      await one.groupDiscard("g", gone);
      await one.groupSend("g", { n: 1 });
      assert.deepEqual(await take(one, first, 1), [1]);
      assert.deepEqual(await take(two, third, 1), [1]);
      // What comes next would have come after it.
      await one.send(gone, { n: "nothing before this" });
      assert.deepEqual(await take(one, gone, 1), ["nothing before this"]);
    },
  },
  {
    number: 11,
    title: "channels of one instance each get their copy",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const channels = [one.newChannel("a"), one.newChannel("a"), one.newChannel("b")];
      for (const channel of channels) await one.groupAdd("g", channel);
      await two.groupSend("g", { n: 1 });
      for (const channel of channels) assert.deepEqual(await take(one, channel, 1), [1]);
    },
  },
  {
    number: 12,
    title: "an overfull group send does not throw",
    async run(network) {
      await using layer = await network.layer({ capacity: 1 });
      const channel = layer.newChannel();
      await layer.groupAdd("g", channel);
      for (let n = 0; n < 5; n++) await layer.groupSend("g", { n });
      assert.deepEqual(await take(layer, channel, 1), [0]);
    },
  },
  {
    number: 13,
    title: "a member over its capacity gets exactly that, and the loss is counted and told",
    async run(network) {
      const warnings: unknown[] = [];
      await using one = await network.layer();
      await using two = await network.layer({
        capacity: 4,
        warn: (_message, error) => warnings.push(error),
      });
      const [full, marker] = [two.newChannel(), two.newChannel()];
      await two.groupAdd("g", full);
      for (let n = 0; n < 10; n++) await one.groupSend("g", { n });
      await one.send(marker, { n: "all have come" });
      await two.receive(marker);
      assert.deepEqual(await take(two, full, 4), [0, 1, 2, 3]);
      assert.equal(two.counters().droppedByCapacity, 6);
      assert.equal(warnings.length, 1, "once until it has room again");
      assert.ok(warnings[0] instanceof ChannelFullError);
      await one.send(full, { n: "nothing before this" });
      assert.deepEqual(await take(two, full, 1), ["nothing before this"]);
    },
  },
  {
    number: 14,
    title: "one full member does not starve the others",
    async run(network) {
      await using layer = await network.layer({ channelCapacity: [[/^small/, 1]] });
      const [full, other] = [layer.newChannel("small"), layer.newChannel()];
      for (const channel of [full, other]) await layer.groupAdd("g", channel);
      for (let n = 0; n < 50; n++) await layer.groupSend("g", { n });
      assert.deepEqual(await take(layer, other, 50), Array.from({ length: 50 }, (_, n) => n));
    },
  },
  {
    number: 15,
    title: "a group send to no members is harmless",
    async run(network) {
      await using layer = await network.layer();
      await layer.groupSend("nobody", { n: 1 });
      const channel = layer.newChannel();
      await layer.groupAdd("nobody", channel);
      await layer.groupSend("nobody", { n: 2 });
      assert.deepEqual(await take(layer, channel, 1), [2]);
    },
  },
  {
    number: 16,
    title: "a discard before the add is harmless",
    async run(network) {
      await using layer = await network.layer();
      await using other = await network.layer();
      const channel = layer.newChannel();
      for (const caller of [layer, other]) await caller.groupDiscard("g", channel);
      await other.send(channel, { n: "the discard has come" });
      await layer.receive(channel);
      await layer.groupAdd("g", channel);
      await other.groupSend("g", { n: 1 });
      assert.deepEqual(await take(layer, channel, 1), [1]);
    },
  },
  {
    number: 17,
    title: "adding twice delivers once",
    async run(network) {
      await using layer = await network.layer();
      await using other = await network.layer();
      const channel = layer.newChannel();
      for (const caller of [layer, layer, other]) await caller.groupAdd("g", channel);
      await other.groupSend("g", { n: 1 });
      await other.send(channel, { n: 2 });
      assert.deepEqual(await take(layer, channel, 2), [1, 2]);
    },
  },
  {
    number: 21,
    title: "expiry goes one member at a time",
    async run(network) {
      let now = 1_000;
      await using layer = await network.layer({ expiryMs: 100, now: () => now });
      const [slow, quick] = [layer.newChannel(), layer.newChannel()];
      for (const channel of [slow, quick]) await layer.groupAdd("g", channel);
      await layer.groupSend("g", { n: 1 });
      assert.deepEqual(await take(layer, quick, 1), [1]);
      now += 60;
      await layer.groupSend("g", { n: 2 });
      now += 60;
      assert.deepEqual(await take(layer, slow, 1), [2]);
      assert.deepEqual(await take(layer, quick, 1), [2]);
      assert.equal(layer.counters().expired, 1);
    },
  },
  {
    number: 22,
    title: "a membership expires so long after its last add",
    async run(network) {
      let now = 1_000;
      await using layer = await network.layer({ groupExpiryMs: 100, now: () => now });
      const [left, stays] = [layer.newChannel(), layer.newChannel()];
      for (const channel of [left, stays]) await layer.groupAdd("g", channel);
      now += 60;
      await layer.groupAdd("g", stays);
      now += 60;
      await layer.groupSend("g", { n: 1 });
      now += 60;
      await layer.groupSend("g", { n: 2 });
      await layer.send(left, { n: "left" });
      await layer.send(stays, { n: "stays" });
      assert.deepEqual(await take(layer, left, 1), ["left"]);
      assert.deepEqual(await take(layer, stays, 2), [1, "stays"]);
    },
  },
  {
    number: 32,
    title: "the time for 1, 10, 100 channels in a group grows with the deliveries, not the square",
    async run(network) {
      await using layer = await network.layer({ capacity: 1_000 });
      const fastest: number[] = [];
      for (const size of [1, 10, 100]) {
        const channels = Array.from({ length: size }, () => layer.newChannel());
        for (const channel of channels) await layer.groupAdd(`group-of-${size}`, channel);
        const before = layer.counters().delivered;
        // The fastest of several runs tells the cost, whatever else the machine does.
        const times: number[] = [];
        for (let run = 0; run < RUNS; run++) {
          times.push(await timeOf(layer, `group-of-${size}`, channels));
        }
        assert.equal(layer.counters().delivered - before, RUNS * SENDS * size);
        fastest.push(Math.min(...times));
      }
      // Ten times the deliveries: the square would take a hundred times as long.
      assert.ok(fastest[2]! < 50 * fastest[1]!, `${fastest.join(", ")} ms`);
    },
  },
  {
    number: 39,
    title: "flush empties channels, queues and groups of all instances",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const [here, there] = [one.newChannel(), two.newChannel()];
      await one.groupAdd("g", here);
      await two.groupAdd("g", there);
      await one.send(here, { n: "before" });
      await two.send(there, { n: "before" });
      await two.send("queue", { n: "before" });
      await one.flush();
      await one.groupSend("g", { n: "to nobody" });
      await one.send(here, { n: "after" });
      await one.send("queue", { n: "after" });
      assert.deepEqual(await take(one, here, 1), ["after"]);
      // What is sent by the one that flushed comes after the flush.
      const marker = two.newChannel();
      await one.send(marker, { n: "the flush has come" });
      await two.receive(marker);
      await two.send(there, { n: "after" });
      assert.deepEqual(await take(two, there, 1), ["after"]);
      assert.deepEqual(await take(two, "queue", 1), ["after"]);
      for (const layer of [one, two]) await emptied(layer, "g");
    },
  },
  {
    number: 40,
    title: "who asks who is present may change the answer: it is a copy",
    async run(network) {
      await using layer = await network.layer();
      await layer.groupAdd("g", layer.newChannel(), { info: { name: "마루", tags: ["a"] } });
      const [present] = await layer.presence("g");
      const info = present!.info as { name: string; tags: string[] };
      info.name = "somebody else";
      info.tags.push("b");
      present!.since.setTime(0);
      const [again] = await layer.presence("g");
      assert.deepEqual(again!.info, { name: "마루", tags: ["a"] });
      assert.ok(again!.since.getTime() > 0);
    },
  },
];

/** An instance takes itself out of a group's presence when it has heard. */
async function emptied(layer: ChannelLayer, group: string): Promise<void> {
  const deadline = performance.now() + EMPTIED_WITHIN_MS;
  while ((await layer.presence(group)).length > 0) {
    assert.ok(performance.now() < deadline, `"${group}" is not empty`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const EMPTIED_WITHIN_MS = 10_000;

const RUNS = 7;
const SENDS = 100;

async function timeOf(
  layer: ChannelLayer,
  group: string,
  channels: readonly string[],
): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < SENDS; n++) await layer.groupSend(group, { n });
  const time = performance.now() - startedAt;
  for (const channel of channels) assert.equal((await take(layer, channel, SENDS)).length, SENDS);
  return time;
}
