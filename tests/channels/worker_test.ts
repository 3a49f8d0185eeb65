import assert from "node:assert/strict";
import { mock } from "node:test";
import { setImmediate } from "node:timers";
import {
  ChannelLayer,
  Consumer,
  memoryBusNetwork,
  memoryChannelLayer,
  memoryQueueStore,
  type Message,
  postgresChannelLayer,
  type QueueStore,
  runWorker,
} from "../../src/channels/mod.ts";
import { createTestDatabase } from "../support/database.ts";

/** Answers with what it was asked, and breaks when told. */
class ThumbnailConsumer extends Consumer {
  async thumbnailMake({ reply, width }: Message) {
    await this.layer.send(reply as string, { type: "thumbnail.made", width, by: this.channelName });
  }

  breaks() {
    throw new Error("broken");
  }

  hangs() {
    return new Promise(() => {});
  }
}

async function ask(layer: ChannelLayer, width: number): Promise<Message> {
  const reply = layer.newChannel();
  await layer.send("thumbnails", { type: "thumbnail.make", reply, width });
  return await layer.receive(reply);
}

Deno.test("a worker of another instance answers by a process-local channel", async () => {
  await using db = await createTestDatabase();
  await using web = await postgresChannelLayer({ url: db.url });
  await using background = await postgresChannelLayer({ url: db.url });
  const stop = new AbortController();
  const consumers = { thumbnails: ThumbnailConsumer };
  const worker = runWorker(background, consumers, { signal: stop.signal });
  assert.deepEqual(await ask(web, 80), { type: "thumbnail.made", width: 80, by: "thumbnails" });
  // From SQL, too.
  const reply = web.newChannel();
  await db.sql`select channels.send('thumbnails',
    jsonb_build_object('type', 'thumbnail.make', 'reply', ${reply}::text, 'width', 90))`;
  assert.equal((await web.receive(reply))["width"], 90);
  await db.sql.begin(async (tx) => {
    await tx`select channels.send('thumbnails', '{"type": "rolled.back"}')`;
    await tx`rollback`;
  });
  stop.abort();
  await worker;
  const waiting = await db.sql`select count(*)::int from channels.queue`;
  assert.equal(waiting[0]!["count"], 0);
});

Deno.test("a queue channel that is full refuses in SQL, too", async () => {
  await using db = await createTestDatabase();
  await db.sql`select channels.send('full', '{"n": 1}') from generate_series(1, 100)`;
  await assert.rejects(
    db.sql`select channels.send('full', '{"n": 1}')`,
    /Cannot send to channel "full": it is full/,
  );
  for (const channel of ["", "a b", "a!b!c", "x".repeat(100)]) {
    await assert.rejects(db.sql`select channels.send(${channel}, '{}')`, /Cannot send to channel/);
  }
  await assert.rejects(db.sql`select channels.send('q', '[]')`, /no JSON object/);
});

Deno.test("a handler that fails or hangs is told, and the worker goes on", async () => {
  await using layer = memoryChannelLayer();
  const warnings: string[] = [];
  const stop = new AbortController();
  const worker = runWorker(layer, { thumbnails: ThumbnailConsumer }, {
    signal: stop.signal,
    handlerTimeoutMs: 30,
    warn: (message, error) => warnings.push(`${message}: ${error}`),
  });
  for (const type of ["breaks", "nobody.knows", "hangs"]) await layer.send("thumbnails", { type });
  assert.equal((await ask(layer, 1))["width"], 1);
  assert.match(warnings[0]!, /ThumbnailConsumer failed at a message of type breaks: Error: broken/);
  assert.match(warnings[1]!, /has no nobodyKnows\(\)/);
  assert.match(warnings[2]!, /Not done within 30 ms/);
  stop.abort();
  await worker;
});

Deno.test("what something else wrote too deep is dropped, counted and told; worker and group go on", async () => {
  await using db = await createTestDatabase();
  const warnings: string[] = [];
  await using layer = await postgresChannelLayer({
    url: db.url,
    warn: (message) => warnings.push(message),
  });
  const stop = new AbortController();
  const worker = runWorker(layer, { thumbnails: ThumbnailConsumer }, { signal: stop.signal });
  const channel = layer.newChannel();
  await layer.groupAdd("g", channel);
  const deep = `{"type": "x", "v": ${"[".repeat(2_000)}${"]".repeat(2_000)}}`;
  // Past the functions for sending, which refuse it.
  await db.sql`select channels.enqueue('thumbnails', ${deep}::text::json, 60000, 100)`;
  await db.sql`select channels.publish_signed(
    jsonb_build_object('group', 'g', 'message', ${deep}::text::jsonb))`;
  await db.sql`select channels.group_send('g', '{"n": 1}')`;
  assert.equal((await ask(layer, 80))["width"], 80);
  assert.deepEqual(await layer.receive(channel), { n: 1 });
  assert.equal(layer.counters().undecodable, 2);
  assert.deepEqual(warnings.sort(), [
    'A message of queue channel "thumbnails" is dropped',
    "What came from another instance, or from SQL, is dropped",
  ]);
  stop.abort();
  await worker;
});

Deno.test("a worker that stops ends what it began, takes nothing more, and gives up what hangs", async () => {
  await using layer = memoryChannelLayer();
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const done: unknown[] = [];
  class Slow extends Consumer {
    async work({ n }: Message) {
      begun.resolve();
      await release.promise;
      done.push(n);
    }
  }
  const worker = runWorker(layer, { slow: Slow }, { signal: stop.signal });
  await layer.send("slow", { type: "work", n: 1 });
  await layer.send("slow", { type: "work", n: 2 });
  await begun.promise;
  stop.abort();
  release.resolve();
  await worker;
  assert.deepEqual(done, [1]);
  assert.equal((await layer.receive("slow"))["n"], 2, "the next one is left for another worker");

  const hanging = new AbortController();
  const hangs = Promise.withResolvers<AbortSignal>();
  class Hanging extends Consumer {
    hang() {
      hangs.resolve(this.signal);
      return new Promise(() => {});
    }
  }
  const stuck = runWorker(layer, { hang: Hanging }, { signal: hanging.signal, graceMs: 10 });
  await layer.send("hang", { type: "hang" });
  const signal = await hangs.promise;
  hanging.abort();
  await stuck;
  assert.equal(signal.aborted, true);
});

/**
 * A layer whose queue store answers when the test lets it: each take and each putBack waits until
 * it is released.
 */
function layerOfSlowStore() {
  const store = memoryQueueStore();
  const begun: string[] = [];
  const releases: (() => void)[] = [];
  const released = (what: string) => {
    begun.push(what);
    return new Promise<void>((resolve) => releases.push(resolve));
  };
  const slow: QueueStore = {
    put: (...of) => store.put(...of),
    clear: () => store.clear(),
    expired: 0,
    async take(...of) {
      const taken = await store.take(...of);
      await released("take");
      return taken;
    },
    async putBack(...of) {
      await released("putBack");
      await store.putBack(...of);
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  const layer = new ChannelLayer(memoryBusNetwork().bus(), {}, { queues: slow });
  return {
    store,
    layer,
    begun,
    release: () => releases.shift()!(),
    async [Symbol.asyncDispose]() {
      const closed = layer.close();
      // Also after a failure it waits for nobody.
      do {
        for (const release of releases.splice(0)) release();
        await settle();
      } while (releases.length > 0);
      await closed;
    },
  };
}

/** Lets what is due be done: every promise, but no timer. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

Deno.test("a worker has stopped when what was being taken for it has been put back", async () => {
  await using slow = layerOfSlowStore();
  const { store, layer, begun, release } = slow;
  await layer.send("q", { type: "work" });
  const stop = new AbortController();
  let stopped = false;
  const worker = runWorker(layer, { q: MadeOnly }, { signal: stop.signal })
    .then(() => stopped = true);
  await settle();
  stop.abort();
  await settle();
  assert.deepEqual([begun, stopped], [["take"], false]);
  release();
  await settle();
  assert.deepEqual([begun, stopped], [["take", "putBack"], false]);
  release();
  await worker;
  // Whoever ends its process now loses nothing.
  assert.equal((await store.take("q", 9)).length, 1);
});

Deno.test("a worker that stops does not wait for what others of its channel go on taking", async () => {
  await using slow = layerOfSlowStore();
  const { layer, begun, release } = slow;
  const warnings: string[] = [];
  const { signal } = new AbortController();
  const other = layer.receive("q", { signal });
  other.catch(() => {});
  const stop = new AbortController();
  const worker = runWorker(layer, { q: MadeOnly }, {
    signal: stop.signal,
    warn: (message) => warnings.push(message),
  });
  await settle();
  release();
  await settle();
  stop.abort();
  // The store is looked into again, for the other one.
  await layer.send("q", { type: "work" });
  release();
  await worker;
  assert.deepEqual([begun, warnings], [["take", "take", "take"], []]);
  release();
  assert.equal((await other)["type"], "work");
});

Deno.test("a worker that stops gives up a store that never answers, and tells that", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  try {
    await using slow = layerOfSlowStore();
    const warnings: string[] = [];
    const stop = new AbortController();
    let stopped = false;
    const worker = runWorker(slow.layer, { q: MadeOnly }, {
      signal: stop.signal,
      warn: (message, error) => warnings.push(`${message}: ${error}`),
    }).then(() => stopped = true);
    await settle();
    stop.abort();
    await settle();
    mock.timers.tick(14_999);
    await settle();
    assert.equal(stopped, false);
    mock.timers.tick(1);
    await worker;
    assert.deepEqual(warnings, [
      "Cannot put back what was being taken: it may be lost: " +
      "Error: The queue store does not answer within 15000 ms",
    ]);
  } finally {
    mock.timers.reset();
  }
});

class MadeOnly extends Consumer {
  work() {
    assert.fail("it has stopped before");
  }
}

Deno.test("a worker without a limit, or with one that no timer can wait for, gives nothing up", async () => {
  for (const limit of [Infinity, 2 ** 31]) {
    await using layer = memoryChannelLayer();
    const warnings: string[] = [];
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    let finish = () => {};
    const finished: string[] = [];
    class Slow extends Consumer {
      async work() {
        begun.resolve();
        await new Promise<void>((resolve) => finish = resolve);
        finished.push("work");
      }
    }
    const worker = runWorker(layer, { slow: Slow }, {
      signal: stop.signal,
      handlerTimeoutMs: limit,
      graceMs: limit,
      warn: (_message, error) => warnings.push(String(error)),
    });
    await layer.send("slow", { type: "work" });
    await begun.promise;
    // A timer that takes it for next to nothing has rung by then, in both of its ways.
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    finish();
    await worker;
    assert.deepEqual([finished, warnings], [["work"], []]);
  }
});

Deno.test("a time that is none is refused, and nothing is served; no grace at all is one", async () => {
  await using layer = memoryChannelLayer();
  const consumers = { good: class extends MadeNever {} };
  for (const ms of [-1, NaN, "soon" as never]) {
    for (const options of [{ handlerTimeoutMs: ms }, { graceMs: ms }]) {
      await assert.rejects(runWorker(layer, consumers, options), {
        name: "RangeError",
        message: `Cannot use ${Object.keys(options)[0]} ${ms}: not a number above 0`,
      });
    }
  }
  await assert.rejects(runWorker(layer, consumers, { handlerTimeoutMs: 0 }), RangeError);
  const stop = AbortSignal.abort();
  await runWorker(layer, { good: ThumbnailConsumer }, { signal: stop, graceMs: 0 });
});

Deno.test("a signal that aborts between taking and handling leaves the grace, and no more", async () => {
  await using layer = memoryChannelLayer();
  const warnings: string[] = [];
  const stop = new AbortController();
  let made = 0;
  // The one that was given up is replaced when the next message has been taken.
  class Hanging extends Consumer {
    constructor() {
      super();
      if (++made === 2) stop.abort();
    }
    hang() {
      return new Promise(() => {});
    }
  }
  for (let n = 0; n < 2; n++) await layer.send("hang", { type: "hang" });
  await runWorker(layer, { hang: Hanging }, {
    signal: stop.signal,
    handlerTimeoutMs: 50,
    graceMs: 10,
    warn: (_message, error) => warnings.push(String(error)),
  });
  assert.deepEqual(warnings, ["Error: Not done within 50 ms", "Error: Not done within 10 ms"]);
});

/** Whether nobody but the test reads a queue channel: what is next in it, is this. */
async function assertLeft(layer: ChannelLayer, channel: string, type: string): Promise<void> {
  const next = await layer.receive(channel, { signal: AbortSignal.timeout(5_000) });
  assert.equal(next["type"], type);
}

Deno.test("a bad name among good ones: none of them is served", async () => {
  await using layer = memoryChannelLayer();
  const consumers = { good: class extends MadeNever {}, "no/name": MadeNever };
  await assert.rejects(runWorker(layer, consumers), { name: "TypeError", message: /"no\/name"/ });
  await layer.send("good", { type: "unread" });
  await assertLeft(layer, "good", "unread");
});

class MadeNever extends Consumer {
  constructor() {
    super();
    assert.fail("a name is bad");
  }
}

Deno.test("a constructor that throws takes no message, and stops the others before it is told", async () => {
  await using layer = memoryChannelLayer();
  const warnings: string[] = [];
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const log: string[] = [];
  class Good extends Consumer {
    async work() {
      begun.resolve();
      await finish.promise;
      log.push("done");
    }
  }
  let broken = false;
  // Made well at first, and not any more when a handler was given up.
  class Bad extends Consumer {
    constructor() {
      super();
      if (broken) throw new Error("cannot be made");
      broken = true;
    }
    hang() {
      return new Promise(() => {});
    }
  }
  await layer.send("good", { type: "work" });
  const worker = runWorker(layer, { good: Good, bad: Bad }, {
    handlerTimeoutMs: 30,
    warn: (message) => warnings.push(message),
  });
  await begun.promise;
  await layer.send("bad", { type: "hang" });
  await layer.send("bad", { type: "hang" });
  finish.resolve();
  await assert.rejects(worker, /cannot be made/);
  assert.deepEqual(log, ["done"]);
  await layer.send("good", { type: "unread" });
  await assertLeft(layer, "good", "unread");

  await layer.send("bad", { type: "kept" });
  await assert.rejects(runWorker(layer, { good: Good, bad: Bad }), /cannot be made/);
  await assertLeft(layer, "bad", "kept");
  await layer.send("good", { type: "unread" });
  await assertLeft(layer, "good", "unread");
});

Deno.test("a worker does not serve a process-local channel", async () => {
  await using layer = memoryChannelLayer();
  const channel = layer.newChannel();
  await assert.rejects(runWorker(layer, { [channel]: ThumbnailConsumer }), /it is process-local/);
  await assert.rejects(runWorker(layer, { "no/name": ThumbnailConsumer }), TypeError);
});

Deno.test("a worker whose layer is closed aborts its consumers' signals", async () => {
  const layer = memoryChannelLayer();
  const signals = Promise.withResolvers<AbortSignal>();
  class Listening extends Consumer {
    work() {
      signals.resolve(this.signal);
    }
  }
  const worker = assert.rejects(runWorker(layer, { q: Listening }), /the channel layer is closed/);
  await layer.send("q", { type: "work" });
  const signal = await signals.promise;
  assert.equal(signal.aborted, false);
  await layer.close();
  await worker;
  assert.equal(signal.aborted, true);
});

Deno.test("a worker goes on when whom it tells of a failure fails, too", async () => {
  await using layer = memoryChannelLayer();
  const stop = new AbortController();
  const worker = runWorker(layer, { thumbnails: ThumbnailConsumer }, {
    signal: stop.signal,
    warn: () => {
      throw new Error("the logger failed");
    },
  });
  await layer.send("thumbnails", { type: "breaks" });
  // A worker that broke instead is no reason to wait for its answer.
  assert.equal((await Promise.race([ask(layer, 1), worker]))?.["width"], 1);
  stop.abort();
  await worker;
});

Deno.test("a consumer that cannot be made: nothing is taken from the channel of another", async () => {
  await using slow = layerOfSlowStore();
  const { layer, begun } = slow;
  await layer.send("good", { type: "work" });
  class Bad extends Consumer {
    constructor() {
      super();
      throw new Error("cannot be made");
    }
  }
  const worker = runWorker(layer, { good: MadeOnly, bad: Bad });
  worker.catch(() => {});
  await settle();
  assert.deepEqual(begun, []);
  await assert.rejects(worker, /cannot be made/);
});
