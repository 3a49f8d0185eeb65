import assert from "node:assert/strict";
import type { Doubt } from "../bus.ts";
import { MessageTooLargeError } from "../errors.ts";
import type { ChannelLayer } from "../layer.ts";
import { MESSAGE_MAX_BYTES } from "../message.ts";
import { type ConformanceItem, need } from "./backend.ts";
import { take } from "./channel_items.ts";

/**
 * What a machine that does much else may add to what a timer waits for, and to giving the dead
 * connection up. Less than the heartbeat of its item: whoever waits for a third one fails.
 */
const BUSY_MACHINE_MS = 2_500;

/** Items about sizes, SQL, connections and what breaks them. */
export const faultItems: readonly ConformanceItem[] = [
  {
    number: 24,
    title: "messages of 7,999, 8,000, 8,001 bytes and 1 MiB pass, ASCII and Hangul; more does not",
    async run(network) {
      await using one = await network.layer();
      await using two = await network.layer();
      const channel = two.newChannel();
      await two.groupAdd("g", channel);
      const sizes = [1_000, 5_900, 7_998, 7_999, 8_000, 8_001, 20_000, MESSAGE_MAX_BYTES];
      for (const text of sizes.flatMap((size) => [ofBytes(size, "a"), ofBytes(size, "가")])) {
        await one.groupSend("g", { text });
        assert.equal((await two.receive(channel))["text"] === text, true, `${text.length}`);
        await one.send("queue", { text });
        assert.equal((await two.receive("queue"))["text"] === text, true, `${text.length}`);
      }
      for (const text of [ofBytes(MESSAGE_MAX_BYTES, "a") + "a", "가".repeat(400_000)]) {
        await assert.rejects(one.groupSend("g", { text }), MessageTooLargeError);
        await assert.rejects(one.send(channel, { text }), MessageTooLargeError);
        await assert.rejects(one.send("queue", { text }), MessageTooLargeError);
      }
    },
  },
  {
    number: 26,
    title: "a rolled-back SQL send is never received, a committed one is",
    async run(network) {
      const sendFromSql = need(network, "sendFromSql");
      await using layer = await network.layer();
      const channel = layer.newChannel();
      await layer.groupAdd("g", channel);
      await sendFromSql("g", '{"n": "rolled back"}', "rollback");
      await sendFromSql("g", '{"n": "committed"}', "commit");
      await sendFromSql("g", '{"n": "committed"}', "commit");
      assert.deepEqual(await take(layer, channel, 2), ["committed", "committed"]);
    },
  },
  {
    number: 27,
    title: "the listener is killed under load: doubt is told, groups work again without an add",
    async run(network) {
      const killListeners = need(network, "killListeners");
      await using one = await network.layer();
      await using two = await network.layer({ capacity: 100_000 });
      const channel = two.newChannel();
      await two.groupAdd("g", channel);
      const restored = Promise.all(["lost", "restored"].map((doubt) => told(two, doubt as Doubt)));
      let sent = 0;
      const stop = new AbortController();
      const load = (async () => {
        for (; !stop.signal.aborted; await pause(2)) await one.groupSend("g", { n: ++sent });
      })();
      while (two.counters().delivered < 20) await pause(2);
      await killListeners();
      await restored;
      stop.abort();
      await load;
      await one.groupSend("g", { n: "again" });
      const got: unknown[] = [];
      while (got.at(-1) !== "again") got.push(...await take(two, channel, 1));
      const numbers = got.slice(0, -1) as number[];
      assert.ok(numbers.every((n, i) => i === 0 || n > numbers[i - 1]!), "in order, none twice");
      assert.ok(numbers.length >= 20);
    },
  },
  {
    number: 28,
    title: `a half-open listener is found within two heartbeats and ${BUSY_MACHINE_MS} ms`,
    async run(network) {
      const heartbeatMs = 3_000;
      await using one = await network.layer();
      const silenced = await need(network, "silenceable")(heartbeatMs);
      await using two = silenced.layer;
      const lost = told(two, "lost");
      const restored = told(two, "restored");
      silenced.silence();
      const startedAt = performance.now();
      await lost;
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs < 2 * heartbeatMs + BUSY_MACHINE_MS, `${tookMs} ms`);
      silenced.restore();
      await restored;
      const channel = two.newChannel();
      await two.groupAdd("g", channel);
      await one.groupSend("g", { n: 1 });
      assert.deepEqual(await take(two, channel, 1), [1]);
    },
  },
  {
    number: 29,
    title: "the server restarts: the layer comes back by itself",
    async run(network) {
      const restart = need(network, "restart");
      await using one = await network.layer();
      await using two = await network.layer();
      const channel = two.newChannel();
      await two.groupAdd("g", channel, { info: { name: "마루" } });
      await until(async () => (await one.presence("g")).length === 1);
      const restored = Promise.all([one, two].map((layer) => told(layer, "restored")));
      await restart();
      await restored;
      await one.groupSend("g", { n: 1 });
      assert.deepEqual(await take(two, channel, 1), [1]);
      await until(() => one.send("queue", { n: 2 }).then(() => true, () => false));
      assert.deepEqual(await take(two, "queue", 1), [2]);
      // Its table was emptied by the crash, and written anew.
      await until(async () => (await one.presence("g").catch(() => [])).length === 1);
      assert.deepEqual((await one.presence("g"))[0]!.info, { name: "마루" });
    },
  },
  {
    number: 31,
    title: "closing leaks no timer, task or connection, and ends whoever waits",
    async run(network) {
      const before = await network.connections?.() ?? 0;
      const layers = [await network.layer(), await network.layer()];
      for (const layer of layers) {
        const [handled, waited] = [layer.newChannel(), layer.newChannel()];
        layer.subscribe(handled, () => new Promise(() => {}));
        await layer.groupAdd("g", handled);
        const waiting = [layer.receive(waited), layer.receive("queue"), iterate(layer, "queue")];
        const ended = Promise.allSettled(waiting);
        await layer.groupSend("g", { n: 1 });
        await layer.groupSend("g", { n: 2 });
        await layer.close();
        await layer.close();
        for (const outcome of await ended) {
          assert.match(String((outcome as PromiseRejectedResult).reason), /is closed/);
        }
        const later = [
          layer.send(handled, {}),
          layer.receive(handled),
          layer.groupAdd("g", handled),
          layer.groupDiscard("g", handled),
          layer.groupSend("g", {}),
          layer.flush(),
        ];
        for (const operation of later) await assert.rejects(operation, /is closed/);
        assert.throws(() => layer.subscribe(handled, () => {}), /is closed/);
      }
      // What is open still, the sanitizers find, which `testChannelLayer` turns on.
      await until(async () => (await network.connections?.() ?? 0) <= before);
    },
  },
  {
    number: 33,
    title: "a thousand groups in one instance cost no further LISTEN and no connection",
    async run(network) {
      const connections = need(network, "connections");
      await using layer = await network.layer();
      await using other = await network.layer();
      const channel = layer.newChannel();
      await layer.groupAdd("first", channel);
      await layer.presence("first");
      const before = [layer.counters().bus["listens"], await connections()];
      for (let n = 0; n < 1_000; n++) await layer.groupAdd(`group-${n}`, channel);
      await layer.presence("group-999");
      assert.deepEqual([layer.counters().bus["listens"], await connections()], before);
      assert.ok(before[1]! <= 2 * 3, `${before[1]} connections of two layers`);
      for (const n of [0, 500, 999]) await other.groupSend(`group-${n}`, { n });
      assert.deepEqual(await take(layer, channel, 3), [0, 500, 999]);
    },
  },
  {
    number: 34,
    title: "a forged payload of a stranger is dropped and counted",
    async run(network) {
      const forge = need(network, "forge");
      await using one = await network.layer();
      await using two = await network.layer();
      const channel = two.newChannel();
      await two.groupAdd("g", channel);
      await forge();
      await one.groupSend("g", { n: "genuine" });
      assert.deepEqual(await take(two, channel, 1), ["genuine"]);
      await until(() => Promise.resolve(two.counters().bus["unopened"]! > 0));
      assert.equal(two.counters().delivered, 1);
    },
  },
];

const WAIT_TIMEOUT_MS = 30_000;

/** A text that makes `{"text": …}` exactly so many bytes long, or up to two fewer. */
function ofBytes(bytes: number, character: "a" | "가"): string {
  const size = character === "a" ? 1 : 3;
  return character.repeat(Math.floor((bytes - '{"text":""}'.length) / size));
}

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

async function iterate(layer: ChannelLayer, channel: string): Promise<void> {
  for await (const message of layer.messages(channel)) assert.fail(JSON.stringify(message));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_TIMEOUT_MS;
  while (!await condition()) {
    assert.ok(performance.now() < deadline, "waited for too long");
    await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
