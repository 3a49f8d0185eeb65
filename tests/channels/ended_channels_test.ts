import assert from "node:assert/strict";
import { ChannelLayer, memoryBusNetwork, memoryPresenceStore } from "../../src/channels/mod.ts";
import { ENDED_CHANNELS_KNOWN, EndedChannels } from "../../src/channels/ended_channels.ts";

/** Two layers of one network, and what the first has had the second do when `heard` resolves. */
function twoLayers() {
  const network = memoryBusNetwork();
  const presence = memoryPresenceStore();
  const [one, two] = [0, 1].map(() => new ChannelLayer(network.bus(), {}, { presence }));
  const marker = two!.newChannel();
  return {
    one: one!,
    two: two!,
    async heard() {
      await one!.send(marker, {});
      await two!.receive(marker);
    },
    async [Symbol.asyncDispose]() {
      await one!.close();
      await two!.close();
    },
  };
}

/** Gives a channel's messages to nobody, and gives it up. */
function giveUp(layer: ChannelLayer, channel: string): void {
  const leave = new AbortController();
  layer.subscribe(channel, () => {}, { signal: leave.signal });
  leave.abort();
}

Deno.test("an add of another instance's that comes after the channel was given up leaves no ghost", async () => {
  await using layers = twoLayers();
  const { one, two, heard } = layers;
  const channel = two.newChannel();
  giveUp(two, channel);
  await one.groupAdd("g", channel, { info: { name: "ghost" } });
  await heard();
  assert.deepEqual(await one.presence("g"), []);
  const before = two.counters().delivered;
  await one.groupSend("g", { n: 1 });
  await heard();
  assert.equal(two.counters().delivered - before, 1, "the marker alone");
});

Deno.test("a channel that was given up and is used again is added again", async () => {
  const uses: Record<string, (layer: ChannelLayer, channel: string) => unknown> = {
    "subscribed to": (layer, channel) => layer.subscribe(channel, () => {}),
    "received from": (layer, channel) => {
      layer.receive(channel).catch(() => {});
    },
    "added by its own instance": (layer, channel) => layer.groupAdd("own", channel),
  };
  for (const [name, use] of Object.entries(uses)) {
    await using layers = twoLayers();
    const { one, two, heard } = layers;
    const channel = two.newChannel();
    giveUp(two, channel);
    await use(two, channel);
    await one.groupAdd("g", channel);
    await heard();
    assert.deepEqual((await one.presence("g")).map(({ channel }) => channel), [channel], name);
  }
});

Deno.test("a subscription that leaves at a message that had waited has given its channel up", async () => {
  await using layers = twoLayers();
  const { one, two, heard } = layers;
  const channel = two.newChannel();
  await two.send(channel, { n: 1 });
  const leave = new AbortController();
  two.subscribe(channel, () => leave.abort(), { signal: leave.signal });
  await one.groupAdd("g", channel);
  await heard();
  assert.deepEqual(await one.presence("g"), []);
});

Deno.test("the channels that ended last are known, and not all that ever did", () => {
  const ended = new EndedChannels();
  for (let n = 0; n < 3 * ENDED_CHANNELS_KNOWN; n++) {
    ended.add(`channel-${n}`);
    const oldest = n - ENDED_CHANNELS_KNOWN + 1;
    assert.ok(oldest < 0 || ended.has(`channel-${oldest}`));
    assert.ok(!ended.has(`channel-${n - 2 * ENDED_CHANNELS_KNOWN}`));
  }
  const last = `channel-${3 * ENDED_CHANNELS_KNOWN - 1}`;
  assert.ok(ended.has(last));
  ended.delete(last);
  assert.ok(!ended.has(last));
});
