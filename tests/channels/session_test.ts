import assert from "node:assert/strict";
import { mock } from "node:test";
import { setImmediate } from "node:timers";
import { Keepalive } from "../../src/channels/consumers/keepalive.ts";
import {
  DISCONNECT_GRACE_MS,
  HANDLER_TIMEOUT_MS,
  SocketSession,
  WAITING_HIGH_WATER,
  WAITING_MAX,
} from "../../src/channels/consumers/session.ts";
import { VANISHED, type Wire, type WireEvents } from "../../src/channels/consumers/wire.ts";
import { memoryChannelLayer, WebSocketConsumer } from "../../src/channels/mod.ts";
import { ConsumerTester } from "../../src/channels/testing/mod.ts";

/** A wire that writes down what is done to it. */
class RecordingWire implements Wire {
  readonly raw = undefined;
  readonly unsent = 0;
  readonly log: string[] = [];
  events: WireEvents | undefined;

  listen(events: WireEvents): void {
    this.events = events;
  }
  send(): void {}
  close(code: number, _reason: string): void {
    this.log.push(`close ${code}`);
  }
  terminate(): void {
    this.log.push("terminate");
  }
  ping(): void {
    this.log.push("ping");
  }
  pause(): void {
    this.log.push("pause");
  }
  resume(): void {
    this.log.push("resume");
  }
}

/** A session with what it needs, on a clock that goes on when told. */
function setUp() {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const layer = memoryChannelLayer();
  const consumer = new WebSocketConsumer();
  const wire = new RecordingWire();
  const warnings: string[] = [];
  const warn = (message: string, error: unknown) => warnings.push(`${message}: ${error}`);
  const scope = () => assert.fail("nobody asks");
  return {
    layer,
    consumer,
    wire,
    warnings,
    session: () => new SocketSession(consumer, { layer, scope, warn }),
    /** One whose peer is let in, and whose `connect` is done. */
    async open(keepalive?: Keepalive) {
      const session = new SocketSession(consumer, { layer, scope, warn }, keepalive);
      await session.connect();
      session.open(wire);
      await settle();
      wire.log.length = 0;
    },
    async [Symbol.asyncDispose]() {
      mock.timers.reset();
      await layer.close();
    },
  };
}

/** The peer sends "a" and "b" and is gone while the handler of "a" is still at work. */
async function closeAtWork({ consumer, wire, open }: ReturnType<typeof setUp>) {
  const { promise, resolve } = Promise.withResolvers<void>();
  /** What `receive` is done with, and the code that `disconnect` is called with. */
  const log: unknown[] = [];
  consumer.receive = async (data) => {
    await promise;
    log.push(data);
  };
  consumer.disconnect = (code) => void log.push(code);
  await open();
  for (const data of ["a", "b"]) wire.events!.message(data);
  wire.events!.closed(1001);
  return { log, resolve };
}

/** Lets what is due be done: every promise, but no timer. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

Deno.test("a handler of connect that never returns refuses with 500 after its time", async () => {
  await using test = setUp();
  const { consumer, warnings } = test;
  consumer.connect = () => new Promise(() => {});
  let status: number | undefined;
  void test.session().connect().then((verdict) => {
    if (!verdict.accepted) status = verdict.status;
  });
  mock.timers.tick(HANDLER_TIMEOUT_MS - 1);
  await settle();
  assert.equal(status, undefined);
  mock.timers.tick(1);
  await settle();
  assert.equal(status, 500);
  assert.equal(consumer.signal.aborted, true);
  assert.match(warnings[0]!, /failed at connect: .*longer than 60000 ms/);
});

Deno.test("a handler of receive that never returns closes with 1011 after its time", async () => {
  await using test = setUp();
  const { consumer, wire, warnings } = test;
  await test.open();
  consumer.receive = () => new Promise(() => {});
  wire.events!.message("x");
  mock.timers.tick(HANDLER_TIMEOUT_MS - 1);
  await settle();
  assert.deepEqual(wire.log, []);
  mock.timers.tick(1);
  await settle();
  assert.deepEqual(wire.log, ["close 1011"]);
  assert.match(warnings[0]!, /failed at receive: .*longer than 60000 ms/);
});

Deno.test("a handler of disconnect that never returns leaves nothing in the layer after its time", async () => {
  await using test = setUp();
  const { consumer, wire, warnings, layer } = test;
  consumer.groups = ["g"];
  consumer.disconnect = () => new Promise(() => {});
  await test.open();
  wire.events!.closed(1000);
  mock.timers.tick(HANDLER_TIMEOUT_MS - 1);
  await settle();
  assert.equal(consumer.signal.aborted, false);
  assert.equal((await layer.presence("g")).length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(consumer.signal.aborted, true);
  assert.deepEqual(await layer.presence("g"), []);
  assert.match(warnings[0]!, /failed at disconnect: .*longer than 60000 ms/);
});

Deno.test("who was let in and does not come is given up after 10 s, and too late then", async () => {
  await using test = setUp();
  const { consumer, wire, warnings, layer } = test;
  const codes: number[] = [];
  consumer.groups = ["g"];
  consumer.disconnect = (code) => void codes.push(code);
  const session = test.session();
  assert.equal((await session.connect()).accepted, true);
  mock.timers.tick(9_999);
  await settle();
  assert.deepEqual(codes, []);
  assert.equal((await layer.presence("g")).length, 1);
  mock.timers.tick(1);
  await settle();
  assert.deepEqual(codes, [VANISHED]);
  assert.deepEqual(await layer.presence("g"), []);
  session.open(wire);
  assert.deepEqual(wire.log, ["close 1011"]);
  assert.deepEqual(warnings, []);
});

Deno.test("who comes in time is not given up", async () => {
  await using test = setUp();
  const { consumer, wire } = test;
  consumer.disconnect = () => assert.fail("it is open");
  const session = test.session();
  await session.connect();
  mock.timers.tick(9_999);
  session.open(wire);
  await settle();
  mock.timers.tick(HANDLER_TIMEOUT_MS);
  await settle();
  // It is not read until connect is done.
  assert.deepEqual(wire.log, ["pause", "resume"]);
});

Deno.test("disconnect waits for the handler at work and for what else the peer sent", async () => {
  await using test = setUp();
  const { log, resolve } = await closeAtWork(test);
  mock.timers.tick(DISCONNECT_GRACE_MS - 1);
  await settle();
  assert.deepEqual(log, []);
  resolve();
  await settle();
  assert.deepEqual(log, ["a", "b", 1001]);
  mock.timers.tick(DISCONNECT_GRACE_MS);
  await settle();
  assert.deepEqual(log, ["a", "b", 1001], "it runs once");
});

Deno.test("disconnect runs beside a handler that takes longer than the grace, and ends the rest", async () => {
  await using test = setUp();
  const { consumer } = test;
  const { log, resolve } = await closeAtWork(test);
  mock.timers.tick(DISCONNECT_GRACE_MS);
  await settle();
  assert.deepEqual(log, [1001]);
  assert.equal(consumer.signal.aborted, true);
  resolve();
  await settle();
  assert.deepEqual(log, [1001, "a"], "what waited is dropped, and disconnect runs once");
});

Deno.test("a peer that sends faster than is handled is not read meanwhile, nor asked for a sign", async () => {
  await using test = setUp();
  const { consumer, wire } = test;
  const { promise, resolve } = Promise.withResolvers<void>();
  consumer.receive = () => promise;
  await test.open(new Keepalive(10_000));
  // One is at work; one short of the mark waits.
  for (let n = 0; n < WAITING_HIGH_WATER; n++) wire.events!.message("x");
  assert.deepEqual(wire.log, []);
  wire.events!.message("x");
  wire.events!.message("x");
  mock.timers.tick(30_000);
  assert.deepEqual(wire.log, ["pause"]);
  resolve();
  await settle();
  assert.deepEqual(wire.log, ["pause", "resume"]);
  mock.timers.tick(10_000);
  assert.deepEqual(wire.log, ["pause", "resume", "ping"]);
  wire.events!.closed(1000);
  await settle();
});

Deno.test("a peer that cannot be paused is closed with 1008 when too much of it waits", async () => {
  await using layer = memoryChannelLayer();
  const { promise, resolve } = Promise.withResolvers<void>();
  const handled: unknown[] = [];
  const consumer = new WebSocketConsumer();
  consumer.receive = async (data) => {
    await promise;
    handled.push(data);
  };
  const tester = new ConsumerTester(consumer, { layer });
  let closed = false;
  void tester.closed.then(() => closed = true);
  await tester.connect();
  await settle();
  for (let n = 0; n <= WAITING_MAX; n++) tester.send("x");
  await settle();
  assert.equal(closed, false, "one is at work, and as many as may wait do");
  tester.send("too much");
  assert.deepEqual(await tester.closed, { code: 1008, reason: "Too many messages at once" });
  resolve();
  await tester.disconnect();
  assert.equal(handled.length, WAITING_MAX + 1);
});

Deno.test("a wire that fails to close is cut, and that is told", async () => {
  await using test = setUp();
  const { consumer, wire, warnings } = test;
  wire.close = () => {
    throw new Error("another runtime's rule");
  };
  await test.open();
  consumer.close(4000);
  assert.deepEqual(wire.log, ["terminate"]);
  assert.match(warnings.join(), /failed at closing: Error: another runtime's rule/);
  wire.events!.closed(VANISHED);
  await settle();
  assert.equal(consumer.signal.aborted, true);
});
