import assert from "node:assert/strict";
import { ChannelFullError } from "../errors.ts";
import type { ChannelLayer } from "../layer.ts";
import { type Message, MESSAGE_MAX_DEPTH } from "../message.ts";
import type { ConformanceItem } from "./backend.ts";

/** Items about one channel and its readers. */
export const channelItems: readonly ConformanceItem[] = [
  {
    number: 1,
    title: "what was sent is received",
    async run(network) {
      await using layer = await network.layer();
      for (const channel of [layer.newChannel(), "queue"]) {
        await layer.send(channel, { type: "test.message", text: "Ahoy-hoy! 여보세요" });
        assert.deepEqual(await layer.receive(channel), {
          type: "test.message",
          text: "Ahoy-hoy! 여보세요",
        });
      }
    },
  },
  {
    number: 2,
    title: "who waits before it is sent receives it",
    async run(network) {
      await using layer = await network.layer();
      for (const channel of [layer.newChannel(), "queue"]) {
        const waiting = layer.receive(channel);
        await layer.send(channel, { n: 1 });
        assert.deepEqual(await waiting, { n: 1 });
      }
    },
  },
  {
    number: 3,
    title: "a drained channel is forgotten: its capacity is whole again",
    async run(network) {
      await using layer = await network.layer({ capacity: 2 });
      for (const channel of [layer.newChannel(), "queue"]) {
        for (let round = 0; round < 3; round++) {
          await layer.send(channel, { n: 1 });
          await layer.send(channel, { n: 2 });
          await assert.rejects(layer.send(channel, { n: 3 }), ChannelFullError);
          assert.deepEqual(await take(layer, channel, 2), [1, 2]);
        }
      }
    },
  },
  {
    number: 4,
    title: "one more than the capacity is ChannelFullError, with what was not sent",
    async run(network) {
      await using layer = await network.layer({ capacity: 3 });
      for (const channel of [layer.newChannel(), "queue"]) {
        await sendNumbers(layer, channel, 3);
        await assert.rejects(layer.send(channel, { n: "over" }), (error: ChannelFullError) => {
          assert.ok(error instanceof ChannelFullError);
          return error.unsent["n"] === "over";
        });
        assert.deepEqual(await take(layer, channel, 3), [0, 1, 2]);
      }
      assert.equal(layer.counters().droppedByCapacity, 2);
    },
  },
  {
    number: 5,
    title: "the first pattern that a name matches gives its capacity",
    async run(network) {
      await using layer = await network.layer({
        capacity: 1,
        channelCapacity: [[/^big/g, 3], [/^bigger|^http/, 2]],
      });
      for (
        const [prefix, capacity] of [["big", 3], ["bigger", 3], ["http", 2], ["x", 1]] as const
      ) {
        for (const channel of [layer.newChannel(prefix), `${prefix}-queue`]) {
          await sendNumbers(layer, channel, capacity);
          await assert.rejects(layer.send(channel, {}), ChannelFullError);
        }
      }
      await using roomy = await network.layer({ capacity: 2 ** 31 - 1 });
      await roomy.send("roomy-queue", { n: 1 });
      assert.deepEqual(await take(roomy, "roomy-queue", 1), [1]);
    },
  },
  {
    number: 6,
    title: "a process-local channel goes round",
    async run(network) {
      await using layer = await network.layer();
      const channel = layer.newChannel("reply");
      assert.match(channel, /^reply\.[A-Za-z0-9]+![A-Za-z0-9]+$/);
      const { promise, resolve } = Promise.withResolvers<Message>();
      layer.subscribe(channel, resolve);
      await layer.send(channel, { n: 1 });
      assert.deepEqual(await promise, { n: 1 });
    },
  },
  {
    number: 7,
    title: "three sends arrive in their order",
    async run(network) {
      await using layer = await network.layer();
      await using other = await network.layer();
      for (const channel of [layer.newChannel(), "queue"]) {
        await sendNumbers(other, channel, 3);
        assert.deepEqual(await take(layer, channel, 3), [0, 1, 2]);
      }
    },
  },
  {
    number: 8,
    title: "a bad name is a TypeError in every operation, with the length in the text",
    async run(network) {
      await using layer = await network.layer();
      const own = layer.newChannel();
      const never = new AbortController();
      const ofChannel = {
        send: (name: string) => layer.send(name, {}),
        receive: (name: string) => layer.receive(name, { signal: never.signal }),
        // deno-lint-ignore require-await -- what it throws becomes a rejection
        subscribe: async (name: string) => layer.subscribe(name, () => {}),
        messages: (name: string) => layer.messages(name, { signal: never.signal }).next(),
        groupAdd: (name: string) => layer.groupAdd("g", name),
        groupDiscard: (name: string) => layer.groupDiscard("g", name),
      };
      const ofGroup = {
        groupAdd: (name: string) => layer.groupAdd(name, own),
        groupDiscard: (name: string) => layer.groupDiscard(name, own),
        groupSend: (name: string) => layer.groupSend(name, {}),
        presence: (name: string) => layer.presence(name),
      };
      const bad = ["", " ", "a b", "a/b", "가", "a\n", "😀", ...NO_STRINGS];
      for (const operation of Object.values({ ...ofChannel })) {
        for (const name of [...bad, "!x", "x!", "a!b!c"]) await refused(operation, name);
        await refused(operation, "x".repeat(100), /length 100 is not below 100/);
      }
      for (const operation of Object.values(ofGroup)) {
        for (const name of [...bad, own]) await refused(operation, name);
        await refused(operation, "x".repeat(100), /length 100 is not below 100/);
      }
      for (const name of [...bad.filter((name) => name !== undefined), "a!b", "x".repeat(95)]) {
        assert.throws(() => layer.newChannel(name), TypeError);
      }
      await layer.groupSend("x".repeat(99), {});
      await layer.send("x".repeat(99), {});
    },
  },
  {
    number: 9,
    title: "another instance's channel can be sent to, and only its owner receives",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const channel = two.newChannel();
      await one.send(channel, { n: 1 });
      assert.deepEqual(await two.receive(channel), { n: 1 });
      await assert.rejects(one.receive(channel), /another instance owns it/);
      assert.throws(() => one.subscribe(channel, () => {}), /another instance owns it/);
    },
  },
  {
    number: 18,
    title: "cancelling receive at any moment loses no message and blocks nobody",
    async run(network) {
      await using layer = await network.layer();
      for (const channel of [layer.newChannel(), "queue"]) {
        const got: unknown[] = [];
        for (let n = 0; n < 60; n++) {
          const cancel = new AbortController();
          const waiting = layer.receive(channel, { signal: cancel.signal })
            .then((message) => got.push(message["n"]), () => {});
          const sent = layer.send(channel, { n });
          // At once, some turns later, or when it has been sent.
          for (let turn = 0; turn < n % 12; turn++) await Promise.resolve();
          if (n % 3 === 0) await sent;
          cancel.abort();
          await Promise.all([sent, waiting]);
        }
        while (got.length < 60) got.push((await layer.receive(channel))["n"]);
        assert.deepEqual(got, Array.from({ length: 60 }, (_, n) => n));
      }
    },
  },
  {
    number: 19,
    title: "names never repeat, even when chance does",
    async run(network) {
      const { randomUUID, getRandomValues } = crypto;
      const { random } = Math;
      try {
        crypto.randomUUID = () => "00000000-0000-4000-8000-000000000000";
        crypto.getRandomValues = <T>(array: T) => array;
        Math.random = () => 0.5;
        await using one = await network.layer();
        await using two = await network.layer();
        const names = [one, two].flatMap((layer) =>
          Array.from({ length: 1_000 }, () => layer.newChannel())
        );
        assert.equal(new Set(names).size, 2_000);
      } finally {
        Object.assign(crypto, { randomUUID, getRandomValues });
        Math.random = random;
      }
    },
  },
  {
    number: 20,
    title: "expired messages are gone, later ones arrive, in order",
    async run(network) {
      let now = 1_000;
      await using layer = await network.layer({ expiryMs: 100, now: () => now });
      const channel = layer.newChannel();
      await sendNumbers(layer, channel, 2);
      now += 101;
      await layer.send(channel, { n: 2 });
      await layer.send(channel, { n: 3 });
      assert.deepEqual(await take(layer, channel, 2), [2, 3]);
      assert.equal(layer.counters().expired, 2);
      // A queue goes by the clock of its store.
      await using short = await network.layer({ expiryMs: 1 });
      await using long = await network.layer();
      await short.send("queue", { n: 1 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await long.send("queue", { n: 2 });
      await long.send("queue", { n: 3 });
      assert.deepEqual(await take(long, "queue", 2), [2, 3]);
      // By the one that found it; a store that both share counts for both.
      assert.equal(Math.max(short.counters().expired, long.counters().expired), 1);
    },
  },
  {
    number: 23,
    title: "of two readers of one queue channel each message reaches one",
    async run(network) {
      await using writer = await network.layer();
      await using one = await network.layer();
      await using two = await network.layer();
      const stop = new AbortController();
      const got: unknown[] = [];
      const all = Promise.withResolvers<void>();
      const read = async (layer: ChannelLayer) => {
        for await (const message of layer.messages("queue", { signal: stop.signal })) {
          if (got.push(message["n"]) === 80) all.resolve();
        }
      };
      const readers = [read(one), read(two)];
      await sendNumbers(writer, "queue", 80);
      await all.promise;
      await writer.send("queue", { n: "last" });
      // Whoever gets the last one, nothing else is left.
      while (!got.includes("last")) await new Promise((resolve) => setTimeout(resolve, 1));
      stop.abort();
      await Promise.all(readers);
      assert.deepEqual(got.slice(0, 80).sort(), Array.from({ length: 80 }, (_, n) => n).sort());
      assert.equal(got.length, 81);
    },
  },
  {
    number: 25,
    title: "a received event cannot be changed, nor the sender's through it",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const channels = [one.newChannel(), two.newChannel()];
      for (const channel of channels) await one.groupAdd("g", channel);
      const sent = { list: [{ deep: 1 }] };
      await one.groupSend("g", sent);
      await one.send("queue", sent);
      const received = [
        await one.receive(channels[0]!),
        await two.receive(channels[1]!),
        await two.receive("queue"),
      ];
      for (const message of received as unknown as (typeof sent)[]) {
        assert.throws(() => message.list[0]!.deep = 2, TypeError);
        assert.throws(() => message.list.push({ deep: 3 }), TypeError);
        assert.throws(() => Object.assign(message, { more: true }), TypeError);
        assert.deepEqual(message, { list: [{ deep: 1 }] });
      }
      sent.list[0]!.deep = 2;
      assert.equal((received[0] as unknown as typeof sent).list[0]!.deep, 1);
    },
  },
  {
    number: 30,
    title: "an idle receive ends cleanly on its signal",
    async run(network) {
      await using layer = await network.layer();
      for (const channel of [layer.newChannel(), "queue"]) {
        const cancel = new AbortController();
        const waiting = layer.receive(channel, { signal: cancel.signal });
        const iterating = (async () => {
          for await (const message of layer.messages(channel, { signal: cancel.signal })) {
            assert.fail(`Nothing was sent, and ${JSON.stringify(message)} came`);
          }
        })();
        cancel.abort(new Error("enough"));
        await assert.rejects(waiting, /enough/);
        await iterating;
        await assert.rejects(layer.receive(channel, { signal: AbortSignal.abort() }));
        await layer.send(channel, { n: 1 });
        assert.deepEqual(await layer.receive(channel), { n: 1 });
      }
    },
  },
  {
    number: 35,
    title: "equal messages sent twice arrive twice",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      for (const channel of [two.newChannel(), "queue"]) {
        await Promise.all([one.send(channel, { n: 1 }), one.send(channel, { n: 1 })]);
        assert.deepEqual(await take(two, channel, 2), [1, 1]);
      }
    },
  },
  {
    number: 36,
    title: "a message as deep as may be passes everywhere, a deeper one is a TypeError",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const [own, others] = [one.newChannel(), two.newChannel()];
      for (const channel of [own, others]) await two.groupAdd("g", channel);
      await two.send(own, { n: "the add has come" });
      await one.receive(own);
      const deepest = { n: deep(MESSAGE_MAX_DEPTH - 1) };
      const deeper = { n: deep(MESSAGE_MAX_DEPTH) };
      const far = { n: deep(100_000) };
      for (const channel of [own, others, "queue"]) {
        for (const message of [deeper, far]) await assert.rejects(one.send(channel, message), DEEP);
        await one.send(channel, deepest);
        const reader = channel === others ? two : one;
        assert.equal(JSON.stringify(await reader.receive(channel)), JSON.stringify(deepest));
      }
      for (const message of [deeper, far]) await assert.rejects(one.groupSend("g", message), DEEP);
      await one.groupSend("g", deepest);
      for (const message of [await one.receive(own), await two.receive(others)]) {
        assert.equal(JSON.stringify(message), JSON.stringify(deepest));
      }
    },
  },
  {
    number: 37,
    title: "a handler that sends to itself without end holds up neither timers nor others",
    async run(network) {
      for (const way of ["async send", "send", "async group", "group"]) {
        await using layer = await network.layer();
        await using other = await network.layer();
        const [busy, quiet] = [layer.newChannel(), layer.newChannel()];
        for (const [group, channel] of [["busy", busy], ["quiet", quiet]] as const) {
          await layer.groupAdd(group, channel);
        }
        let rounds = 0;
        let ended = false;
        const again = async () => {
          // A layer that is starved is to fail, not to hang.
          if (ended || ++rounds === STARVED_ROUNDS) return;
          if (way.endsWith("send")) await layer.send(busy, {});
          else await layer.groupSend("busy", {});
        };
        layer.subscribe(busy, way.startsWith("async") ? again : () => void again());
        await layer.send(busy, {});
        await new Promise((resolve) => setTimeout(resolve, 1));
        assert.ok(rounds < STARVED_ROUNDS, `${way}: a timer waited for all ${rounds} rounds`);
        await other.groupSend("quiet", { n: 1 });
        await layer.receive(quiet);
        assert.ok(rounds < STARVED_ROUNDS, `${way}: a message waited for all ${rounds} rounds`);
        ended = true;
      }
    },
  },
  {
    number: 38,
    title: "a closed layer has handed on what was sent, and refuses everything alike",
    async run(network) {
      await using two = await network.layer();
      const there = two.newChannel();
      await two.groupAdd("g", there);
      const one = await network.layer();
      const own = one.newChannel();
      const waiting = [own, "queue"].map((channel) => assert.rejects(one.receive(channel), CLOSED));
      for (let n = 0; n < 50; n++) await one.groupSend("g", { n });
      let closed = false;
      const first = one.close().then(() => closed = true);
      await one.close();
      assert.ok(closed, "who closes it a second time waits as long as the first");
      await Promise.all([first, ...waiting]);
      assert.deepEqual(await take(two, there, 50), Array.from({ length: 50 }, (_, n) => n));
      assert.throws(() => one.newChannel(), CLOSED);
      assert.throws(() => one.subscribe(own, () => {}), CLOSED);
      assert.throws(() => one.onDoubt(() => {}), CLOSED);
      for (
        const operation of [
          () => one.send(own, {}),
          () => one.send(there, {}),
          () => one.send("queue", {}),
          () => one.receive(own),
          () => one.receive("queue"),
          () => one.messages(own).next(),
          () => one.groupAdd("g", own),
          () => one.groupDiscard("g", own),
          () => one.groupSend("g", {}),
          () => one.presence("g"),
          () => one.flush(),
        ]
      ) await assert.rejects(operation, CLOSED);
      await one.close();
    },
  },
];

const DEEP = { name: "TypeError", message: /^Cannot send the message: it is nested deeper than / };
const CLOSED = /^Error: Cannot go on: the channel layer is closed$/;
const STARVED_ROUNDS = 500_000;

/** So many lists, one in the other. */
function deep(depth: number): unknown {
  let value: unknown = [];
  for (let n = 1; n < depth; n++) value = [value];
  return value;
}

const NO_STRINGS = [undefined, null, 7, {}, [], Symbol("x")] as unknown as string[];

async function refused(
  operation: (name: string) => Promise<unknown>,
  name: string,
  message: RegExp = /^Cannot use /,
): Promise<void> {
  await assert.rejects(operation(name), (error: Error) => {
    assert.ok(error instanceof TypeError, `${String(name)}: ${error}`);
    assert.match(error.message, message);
    return true;
  });
}

/** Sends 0, 1, 2 … as `n`, one after the other. */
export async function sendNumbers(
  layer: ChannelLayer,
  channel: string,
  count: number,
): Promise<void> {
  for (let n = 0; n < count; n++) await layer.send(channel, { n });
}

/** The `n` of so many messages. */
export async function take(
  layer: ChannelLayer,
  channel: string,
  count: number,
): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) taken.push((await layer.receive(channel))["n"]);
  return taken;
}
