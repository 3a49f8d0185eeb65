import assert from "node:assert/strict";
import { mock } from "node:test";
import {
  type Bus,
  type BusHandler,
  ChannelLayer,
  type Doubt,
  MEMBER_INFO_MAX_BYTES,
  memoryBusNetwork,
  memoryChannelLayer,
  memoryPresenceStore,
  memoryQueueStore,
  type Message,
} from "../../src/channels/mod.ts";
import { Subscribers } from "../../src/channels/subscribers.ts";

Deno.test("a capacity that is no whole number from 1 to 2147483647, or a time not above 0, is refused", () => {
  memoryChannelLayer({ capacity: 2 ** 31 - 1 });
  for (const capacity of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) {
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
  const throwing = [null, undefined, Symbol("x"), "text"].map((thrown) => ({
    get broken() {
      throw thrown;
    },
  }));
  let recursive: unknown = { toJSON: () => 1 };
  for (let n = 0; n < 100_000; n++) recursive = { toJSON: ((inner) => () => [inner])(recursive) };
  const bad = [undefined, null, [], "text", 1, new Map(), new Date(), cycle, { big: 1n }, toJson]
    .concat(throwing as never[], { recursive } as never);
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

Deno.test("what a handler returns and can be awaited is awaited, also a query that runs only then", async () => {
  const warnings: unknown[] = [];
  await using layer = memoryChannelLayer({ warn: (_message, error) => warnings.push(error) });
  const channel = layer.newChannel();
  const log: string[] = [];
  const broken = new Error("broken");
  const third = Promise.withResolvers<void>();
  layer.subscribe(channel, ({ n }) => {
    log.push(`called ${n}`);
    return {
      then(resolve: () => void, reject: (reason: unknown) => void) {
        log.push(`runs ${n}`);
        if (n === 2) return reject(broken);
        resolve();
        if (n === 3) third.resolve();
      },
    };
  });
  for (const n of [1, 2, 3]) await layer.send(channel, { n });
  await third.promise;
  assert.deepEqual(log, ["called 1", "runs 1", "called 2", "runs 2", "called 3", "runs 3"]);
  assert.deepEqual(warnings, [broken]);
});

Deno.test("a handler whose answer cannot be asked whether it is to be awaited has failed", async () => {
  const warnings: unknown[] = [];
  await using layer = memoryChannelLayer({ warn: (_message, error) => warnings.push(error) });
  const channel = layer.newChannel();
  const broken = new Error("broken");
  const got: unknown[] = [];
  layer.subscribe(channel, ({ n }) => {
    got.push(n);
    return {
      get then() {
        throw broken;
      },
    };
  });
  for (const n of [1, 2]) await layer.send(channel, { n });
  assert.deepEqual([got, warnings], [[1, 2], [broken, broken]]);
});

Deno.test("a handler that returns nothing to be awaited has its next message at once", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const answers = [undefined, null, 0, "", "text", false, {}, { then: "no function" }, () => {}];
  let called = 0;
  layer.subscribe(channel, () => answers[called++]);
  for (let n = 1; n <= answers.length; n++) {
    void layer.send(channel, { n });
    assert.equal(called, n);
  }
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

Deno.test("what a handler sends after it has emptied the layer arrives, and what waited does not", async () => {
  await using layer = memoryChannelLayer();
  const [flushing, other] = [layer.newChannel(), layer.newChannel()];
  const got: unknown[] = [];
  let flushed: Promise<void> | undefined;
  layer.subscribe(other, ({ n }) => got.push(n));
  layer.subscribe(flushing, ({ n }) => {
    if (n !== 1) return;
    void layer.groupAdd("g", other);
    void layer.groupSend("g", { n: 2 });
    flushed = layer.flush();
    void layer.groupAdd("g", other);
    for (const after of [3, 4, 5]) void layer.groupSend("g", { n: after });
  });
  await layer.groupAdd("g", flushing);
  await layer.groupSend("g", { n: 0 });
  await layer.groupSend("g", { n: 1 });
  await layer.groupSend("g", { n: 6 });
  assert.deepEqual(got, [3, 4, 5, 6]);
  await flushed;
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

Deno.test("a handler that leaves at a message that had waited gets no other, and is in no group", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  for (let n = 1; n <= 2; n++) await layer.send(channel, { n });
  const leave = new AbortController();
  const got: unknown[] = [];
  layer.subscribe(channel, ({ n }) => {
    got.push(n);
    leave.abort();
  }, { signal: leave.signal });
  await layer.groupSend("g", { n: 3 });
  assert.deepEqual(got, [1]);
  assert.deepEqual(await layer.presence("g"), []);
});

Deno.test("a signal that was given where there is a handler already takes nothing from that one", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  const got: unknown[] = [];
  layer.subscribe(channel, ({ n }) => got.push(n));
  const refused = new AbortController();
  const options = { signal: refused.signal };
  assert.throws(() => layer.subscribe(channel, () => {}, options), /a handler has subscribed/);
  refused.abort();
  await layer.groupSend("g", { n: 1 });
  assert.deepEqual(got, [1]);
});

Deno.test("nobody subscribes to a channel from which somebody receives", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  const cancel = new AbortController();
  const given = assert.rejects(layer.receive(channel, { signal: cancel.signal }), /enough/);
  const waiting = layer.receive(channel);
  assert.throws(() => layer.subscribe(channel, () => {}), {
    name: "TypeError",
    message: `Cannot subscribe to channel "${channel}": somebody receives from it`,
  });
  cancel.abort(new Error("enough"));
  await given;
  assert.throws(() => layer.subscribe(channel, () => {}), TypeError);
  await layer.send(channel, { n: 1 });
  assert.deepEqual(await waiting, { n: 1 });
  layer.subscribe(channel, () => {});
});

Deno.test("any number of waiting messages is handled, in order", async () => {
  const count = 20_000;
  for (const answer of [() => {}, () => Promise.resolve()]) {
    await using layer = memoryChannelLayer({ capacity: count });
    const channel = layer.newChannel();
    for (let n = 0; n < count; n++) await layer.send(channel, { n });
    const got: unknown[] = [];
    const all = Promise.withResolvers<void>();
    layer.subscribe(channel, ({ n }) => {
      if (got.push(n) === count) all.resolve();
      return answer();
    });
    await all.promise;
    assert.deepEqual(got, Array.from({ length: count }, (_, n) => n));
  }
});

Deno.test("two handlers that answer each other do so as often as they like", async () => {
  await using layer = memoryChannelLayer();
  const [ping, pong] = [layer.newChannel(), layer.newChannel()];
  const rounds = Promise.withResolvers<void>();
  const answer = (to: string) => ({ n }: Message) => {
    if (n === 50_000) rounds.resolve();
    else void layer.send(to, { n: n as number + 1 }).catch(rounds.reject);
  };
  layer.subscribe(ping, answer(pong));
  layer.subscribe(pong, answer(ping));
  await layer.send(ping, { n: 0 });
  await rounds.promise;
});

Deno.test("two instances in memory that answer each other hold up no timer", async () => {
  const network = memoryBusNetwork();
  const buses = [network.bus(), network.bus()] as const;
  const limit = 200_000;
  let rounds = 0;
  let ended = false;
  for (const bus of buses) {
    bus.subscribe("ping", (bytes) => {
      if (!ended && ++rounds < limit) bus.publish("ping", bytes);
    });
  }
  buses[0].publish("ping", new Uint8Array());
  await new Promise((resolve) => setTimeout(resolve, 1));
  ended = true;
  assert.ok(rounds > 0 && rounds < limit, `${rounds} rounds`);
  for (const bus of buses) await bus.close();
});

Deno.test("a warn that throws costs no member its message", async () => {
  await using layer = memoryChannelLayer({
    capacity: 1,
    warn() {
      throw new Error("the log is full");
    },
  });
  const [full, broken, other] = [layer.newChannel(), layer.newChannel(), layer.newChannel()];
  layer.subscribe(broken, () => {
    throw new Error("broken");
  });
  for (const channel of [full, broken, other]) await layer.groupAdd("g", channel);
  for (let n = 0; n < 2; n++) {
    await layer.groupSend("g", { n });
    assert.deepEqual(await layer.receive(other), { n });
  }
  assert.equal(layer.counters().droppedByCapacity, 1);
});

// As another version, or somebody with a door of his own, may write them.
const NO_MESSAGES = ["[".repeat(8_000) + "]".repeat(8_000), "[]", "null", '"text"', "{", ""];

Deno.test("what is no message is dropped from a queue, counted and told; its readers go on", async () => {
  const queues = memoryQueueStore();
  const warnings: string[] = [];
  await using layer = new ChannelLayer(memoryBusNetwork().bus(), {
    warn: (message, error) => warnings.push(`${message}: ${error}`),
  }, { queues });
  const limits = { ttlMs: 60_000, capacity: 100 };
  const texts = [`{"n":${NO_MESSAGES[0]}}`, ...NO_MESSAGES];
  const waiting = layer.receive("queue");
  for (const text of texts) await queues.put("queue", text, limits);
  await layer.send("queue", { n: 1 });
  assert.deepEqual(await waiting, { n: 1 });
  assert.equal(layer.counters().undecodable, texts.length);
  assert.equal(warnings.length, texts.length);
  assert.match(
    warnings[0]!,
    /^A message of queue channel "queue" is dropped: .*it is nested deeper than 1000$/,
  );
});

Deno.test("what is no message is dropped from a bus, counted and told", async () => {
  const network = memoryBusNetwork();
  const warnings: string[] = [];
  await using layer = new ChannelLayer(network.bus(), {
    warn: (message) => warnings.push(message),
  });
  await using stranger = network.bus();
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  const events = NO_MESSAGES.flatMap((text) => [
    ["layer", `g  g\n${text}`],
    ["layer", `c ${channel} \n${text}`],
    ["sql", `{"group":"g","message":${text}`],
  ]).concat([["layer", `+ ${channel} g\n{`]]);
  for (const [topic, text] of events) stranger.publish(topic!, new TextEncoder().encode(text));
  await stranger.flush();
  await layer.send(channel, { n: "nothing before this" });
  assert.deepEqual(await layer.receive(channel), { n: "nothing before this" });
  assert.equal(layer.counters().undecodable, events.length);
  assert.equal(warnings.length, events.length);
});

Deno.test("memberships that expired are swept, but not one whose channel has a handler", async () => {
  const original = globalThis.setInterval;
  const ticks: (() => void)[] = [];
  globalThis.setInterval = ((tick: () => void, ms: number) => {
    ticks.push(tick);
    return original(tick, ms);
  }) as typeof setInterval;
  try {
    let now = 1_000;
    await using layer = new ChannelLayer(
      memoryBusNetwork().bus(),
      { groupExpiryMs: 86_400_000, now: () => now },
      { presence: memoryPresenceStore() },
    );
    const channels = Array.from({ length: 3 }, () => layer.newChannel());
    const [handled, , stays] = channels as [string, string, string];
    layer.subscribe(handled, () => {});
    for (const channel of channels) await layer.groupAdd("g", channel);
    const present = async () => (await layer.presence("g")).map(({ channel }) => channel);
    now += 50_000_000;
    await layer.groupAdd("g", stays);
    now += 50_000_000;
    assert.deepEqual(await present(), channels, "nobody has looked yet");
    for (const tick of ticks) tick();
    assert.deepEqual(await present(), [handled, stays]);
  } finally {
    globalThis.setInterval = original;
  }
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

Deno.test("presence keeps who has a handler, however short a membership lasts", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  try {
    await using layer = memoryChannelLayer({ groupExpiryMs: 300 });
    const [handled, other] = [layer.newChannel(), layer.newChannel()];
    layer.subscribe(handled, () => {});
    for (const channel of [handled, other]) await layer.groupAdd("g", channel);
    for (const present of [[handled, other], [handled], [handled]]) {
      assert.deepEqual((await layer.presence("g")).map(({ channel }) => channel), present);
      mock.timers.tick(400);
    }
  } finally {
    mock.timers.reset();
  }
});

Deno.test("nobody is told of a doubt once the layer is closed, also on a bus that goes on", async () => {
  const bus = new DoubtfulBus();
  const layer = new ChannelLayer(bus);
  const told: string[] = [];
  const leave = new AbortController();
  layer.onDoubt((reason) => told.push(reason));
  layer.onDoubt((reason) => told.push(`${reason} leaves`), { signal: leave.signal });
  layer.onDoubt((reason) => told.push(`${reason} stays`), { signal: new AbortController().signal });
  bus.doubt("lost");
  leave.abort();
  bus.doubt("restored");
  await layer.close();
  bus.doubt("overflow");
  assert.deepEqual(told, ["lost", "lost leaves", "lost stays", "restored", "restored stays"]);
  await bus.close();
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

Deno.test("a layer whose presence cannot be given up releases what it owns, in order, all the same", async () => {
  const released: number[] = [];
  const owned = [1, 2, 3].map((n) => ({
    [Symbol.asyncDispose]: () => Promise.resolve(void released.push(n)),
  }));
  const presence = {
    attach(...args: Parameters<ReturnType<typeof memoryPresenceStore>["attach"]>) {
      return Object.assign(memoryPresenceStore().attach(...args), {
        close: () => Promise.reject(new Error("the database is away")),
      });
    },
  };
  const layer = new ChannelLayer(memoryBusNetwork().bus(), {}, { presence, owned });
  await assert.rejects(layer.close(), /the database is away/);
  assert.deepEqual(released, [1, 2, 3]);
  await assert.rejects(layer.close(), /the database is away/);
});

Deno.test("no two layers of a process make one name, on one bus or two, even when chance repeats", async () => {
  const { randomUUID } = crypto;
  crypto.randomUUID = () => "00000000-0000-4000-8000-000000000000";
  try {
    const bus = memoryBusNetwork().bus();
    const names: string[] = [];
    const open = [() => new ChannelLayer(bus), () => new ChannelLayer(bus), memoryChannelLayer];
    for (const layerOf of [...open, memoryChannelLayer]) {
      await using layer = layerOf();
      names.push(layer.newChannel(), layer.newChannel());
    }
    assert.equal(new Set(names).size, 8, names.join(" "));
  } finally {
    crypto.randomUUID = randomUUID;
  }
});

Deno.test("a layer without stores refuses queue channels and presence, and says why", async () => {
  await using layer = new ChannelLayer(memoryBusNetwork().bus());
  await assert.rejects(layer.send("queue", {}), /the layer has no queue store/);
  await assert.rejects(layer.receive("queue"), /the layer has no queue store/);
  await assert.rejects(layer.presence("g"), /the layer has no presence store/);
});

/** A bus of one's own, that carries nothing and is in doubt when told. */
class DoubtfulBus implements Bus {
  readonly instance: string;
  readonly inlineLimit = Infinity;
  readonly #subscribers = new Subscribers(() => {});

  constructor(instance = "own") {
    this.instance = instance;
  }

  publish(): void {}

  subscribe(topic: string, handler: BusHandler, options: { signal?: AbortSignal } = {}): void {
    this.#subscribers.subscribe(topic, handler, options.signal);
  }

  onDoubt(handler: (reason: Doubt) => void, options: { signal?: AbortSignal } = {}): void {
    this.#subscribers.onDoubt(handler, options.signal);
  }

  doubt(reason: Doubt): void {
    this.#subscribers.doubt(reason);
  }

  health() {
    return { listening: true, since: 0 };
  }

  counters() {
    return {};
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

Deno.test("a bus whose instance has a name that no channel can have in it is refused", async () => {
  for (const instance of ["", "node.1", "a!b", "a b", "서울", "x".repeat(65), 7 as never]) {
    assert.throws(() => new ChannelLayer(new DoubtfulBus(instance)), {
      name: "TypeError",
      message: /^Cannot use .* as an instance name: /,
    });
  }
  for (const instance of ["node-1", "x".repeat(64), "7f0e8dd6-1c5c-4ab2-8a0e-6a3e0cf0f001"]) {
    await using layer = new ChannelLayer(new DoubtfulBus(instance));
    const channel = layer.newChannel();
    await layer.send(channel, { n: 1 });
    assert.deepEqual(await layer.receive(channel), { n: 1 });
  }
});

Deno.test("a bus carries one layer at a time", async () => {
  const bus = new DoubtfulBus("seoul");
  const layer = new ChannelLayer(bus);
  const second = {
    name: "Error",
    message: 'Cannot put a layer on the bus of instance "seoul": another one is on it',
  };
  assert.throws(() => new ChannelLayer(bus), second);
  const closing = layer.close();
  assert.throws(() => new ChannelLayer(bus), second);
  await closing;
  await new ChannelLayer(bus).close();
  assert.throws(() => new ChannelLayer(bus, { capacity: 0 }), RangeError);
  await new ChannelLayer(bus).close();
});
