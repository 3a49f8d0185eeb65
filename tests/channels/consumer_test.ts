import assert from "node:assert/strict";
import {
  JsonWebSocketConsumer,
  memoryChannelLayer,
  type Message,
  type Scope,
  WebSocketConsumer,
} from "../../src/channels/mod.ts";
import { ConsumerTester, type ConsumerTesterOptions } from "../../src/channels/testing/mod.ts";

class ChatConsumer extends JsonWebSocketConsumer<{ name: string }> {
  readonly log: unknown[] = [];

  override connect() {
    this.groups = [`chat-${this.scope.params["room"]}`];
    return this.accept();
  }

  override receiveJson(content: unknown) {
    const { message } = content as { message: string };
    const sender = this.scope.user.name;
    return this.layer.groupSend(this.groups[0]!, { type: "chat.message", sender, message });
  }

  override disconnect(code: number) {
    this.log.push(code);
  }

  chatMessage({ sender, message }: Message) {
    this.sendJson({ sender, message });
  }
}

function lobby(name: string): Partial<Scope> {
  return { params: { room: "lobby" }, user: { name } };
}

/** A layer and what went wrong on it. */
function setUp() {
  const layer = memoryChannelLayer();
  const warnings: string[] = [];
  const warn = (message: string, error: unknown) => warnings.push(`${message}: ${error}`);
  return {
    layer,
    warnings,
    peer: (consumer: WebSocketConsumer, more: Partial<ConsumerTesterOptions> = {}) =>
      new ConsumerTester(consumer, { layer, warn, ...more }),
  };
}

Deno.test("two consumers talk in a group that they join on connect and leave on disconnect", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const consumer = new ChatConsumer();
  const ann = peer(consumer, { scope: lobby("Ann") });
  const ben = peer(new ChatConsumer(), { scope: lobby("벤") });
  assert.deepEqual(await ann.connect(), { accepted: true, subprotocol: undefined });
  await ben.connect();
  assert.equal((await layer.presence("chat-lobby")).length, 2);
  ben.sendJson({ message: "안녕" });
  for (const each of [ann, ben]) {
    assert.deepEqual(await each.receiveJson(), { sender: "벤", message: "안녕" });
  }
  await ann.disconnect(1001);
  assert.deepEqual(consumer.log, [1001]);
  assert.equal((await layer.presence("chat-lobby")).length, 1);
  ben.sendJson({ message: "alone" });
  await ben.receive();
  assert.ok(await ann.receiveNothing());
  await ben.disconnect();
  assert.deepEqual(warnings, []);
});

Deno.test("a consumer refuses before the upgrade: by a status, by closing, by not accepting", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  const kinds: [() => WebSocketConsumer["connect"], number, string][] = [
    [
      () =>
        function (this: WebSocketConsumer) {
          this.groups = ["g"];
          this.refuse(401, "Sign in first");
        },
      401,
      "Sign in first",
    ],
    [
      () =>
        function (this: WebSocketConsumer) {
          this.close(4403);
        },
      403,
      "",
    ],
    [() => () => {}, 403, ""],
  ];
  for (const [connect, status, body] of kinds) {
    const consumer = new WebSocketConsumer();
    consumer.connect = connect();
    consumer.disconnect = () => assert.fail("it was never connected");
    assert.deepEqual(await peer(consumer).connect(), { accepted: false, status, body });
    assert.equal(consumer.signal.aborted, true);
  }
  assert.deepEqual(await layer.presence("g"), []);
});

Deno.test("who waits to be let in after refusing waits for nothing", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const consumer = new WebSocketConsumer();
  consumer.connect = async () => {
    consumer.refuse();
    await consumer.accept();
    assert.fail("it was refused");
  };
  assert.deepEqual(await peer(consumer).connect(), { accepted: false, status: 403, body: "" });
  await assert.rejects(consumer.accept(), /The socket is closed/);
  assert.deepEqual(warnings, []);
});

Deno.test("a consumer refuses after the upgrade: an error frame, then a close code", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  class Refusing extends JsonWebSocketConsumer {
    override connect() {
      void this.accept();
      this.sendJson({ error: "not allowed" });
      this.close(4403, "not allowed");
    }
  }
  const tester = peer(new Refusing());
  assert.equal((await tester.connect()).accepted, true);
  assert.deepEqual(await tester.receiveJson(), { error: "not allowed" });
  assert.deepEqual(await tester.closed, { code: 4403, reason: "not allowed" });
});

Deno.test("a subprotocol is accepted when it was offered; another is an error", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const accepting = (name: string) => {
    const consumer = new WebSocketConsumer();
    consumer.connect = () => consumer.accept(name);
    return peer(consumer, { scope: { subprotocols: ["chat.v2", "chat.v1"] } });
  };
  const tester = accepting("chat.v1");
  assert.deepEqual(await tester.connect(), { accepted: true, subprotocol: "chat.v1" });
  await tester.disconnect();
  assert.deepEqual(await accepting("chat.v3").connect(), {
    accepted: false,
    status: 500,
    body: "",
  });
  assert.match(warnings[0]!, /subprotocol "chat.v3": it was not offered/);
});

Deno.test("what throws closes that socket only, and is told with the event's type", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  class Fragile extends JsonWebSocketConsumer {
    override groups = ["g"];
    override receiveJson() {
      throw new Error("at receive");
    }
    fine() {
      this.send("fine");
    }
    async breaks() {
      await Promise.resolve();
      throw new Error("at an event");
    }
  }
  class Sturdy extends Fragile {
    override breaks() {
      this.send("sturdy");
      return Promise.resolve();
    }
  }
  const [receiving, handling, other] = [new Fragile(), new Fragile(), new Sturdy()]
    .map((consumer) => peer(consumer)) as [ConsumerTester, ConsumerTester, ConsumerTester];
  for (const each of [receiving, handling, other]) await each.connect();
  receiving.sendJson({});
  assert.equal((await receiving.closed).code, 1011);
  await layer.groupSend("g", { type: "breaks" });
  assert.equal((await handling.closed).code, 1011);
  assert.equal(await other.receive(), "sturdy");
  await layer.groupSend("g", { type: "fine" });
  assert.equal(await other.receive(), "fine");
  assert.match(warnings[0]!, /Fragile failed at receive: .*at receive/);
  assert.match(warnings[1]!, /Fragile failed at an event of type breaks: .*at an event/);
  await other.disconnect();
});

Deno.test("an error in connect refuses with 500; one in disconnect is told", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const broken = new WebSocketConsumer();
  broken.connect = () => Promise.reject(new Error("no database"));
  assert.deepEqual(await peer(broken).connect(), { accepted: false, status: 500, body: "" });
  const leaving = new WebSocketConsumer();
  leaving.groups = ["g"];
  leaving.disconnect = () => Promise.reject(new Error("at the end"));
  const tester = peer(leaving);
  await tester.connect();
  await tester.disconnect();
  assert.deepEqual(await layer.presence("g"), [], "it left its groups all the same");
  assert.match(
    warnings.join(),
    /failed at connect: .*no database.*failed at disconnect: .*at the end/,
  );
  const badGroup = new WebSocketConsumer();
  badGroup.groups = ["no/group"];
  assert.equal((await peer(badGroup).connect()).accepted, false);
});

Deno.test("an event's type names a handler of the application's, and nothing else", async () => {
  const types: unknown[] = [
    "nobody.handles",
    "close",
    "send.json",
    "connect",
    "constructor",
    "to.string",
    "_private",
    ".hidden",
    "two..dots",
    "",
    "가",
    7,
    undefined,
  ];
  for (const type of types) {
    const { layer, peer, warnings } = setUp();
    await using _ = layer;
    class Handling extends JsonWebSocketConsumer {
      override groups = ["g"];
      override connect() {
        return this.accept();
      }
      _private() {
        assert.fail("it is private");
      }
      hidden() {
        assert.fail("it is hidden");
      }
    }
    const tester = peer(new Handling());
    await tester.connect();
    await layer.groupSend("g", { type });
    assert.equal((await tester.closed).code, 1011);
    assert.match(warnings[0]!, /TypeError: Cannot handle a message/);
    if (typeof type === "string") assert.ok(warnings[0]!.includes(`"${type}"`), warnings[0]);
  }
});

Deno.test("everything of one socket is done one after the other, in the order of its coming", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  const log: string[] = [];
  class Slow extends WebSocketConsumer {
    override groups = ["g"];
    override async connect() {
      await this.accept();
      log.push("connecting");
      await Promise.resolve();
      log.push("connected");
    }
    override async receive(data: string | Uint8Array) {
      log.push(`${data} begins`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.push(`${data} ends`);
    }
    event() {
      log.push("event");
    }
    override disconnect() {
      log.push("disconnected");
    }
  }
  const tester = peer(new Slow());
  await tester.connect();
  tester.send("a");
  await layer.groupSend("g", { type: "event" });
  tester.send("b");
  await tester.disconnect();
  assert.deepEqual(log, [
    ...["connecting", "connected", "a begins", "a ends", "event", "b begins", "b ends"],
    "disconnected",
  ]);
});

Deno.test("a handler that never returns is given up, and its socket closed", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const stuck = new WebSocketConsumer();
  stuck.receive = () => new Promise(() => {});
  const tester = peer(stuck, { handlerTimeoutMs: 30 });
  await tester.connect();
  tester.send("x");
  assert.equal((await tester.closed).code, 1011);
  assert.match(warnings[0]!, /It takes longer than 30 ms/);
});

Deno.test("a handler is given longer than a timer can wait", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  for (const handlerTimeoutMs of [Infinity, 2 ** 31]) {
    const slow = new WebSocketConsumer();
    slow.receive = async (data) => {
      // A timer that takes it for next to nothing has rung by then.
      await new Promise((resolve) => setTimeout(resolve, 20));
      slow.send(data);
    };
    const tester = peer(slow, { handlerTimeoutMs });
    await tester.connect();
    tester.send("x");
    assert.equal(await tester.receive(), "x");
    await tester.disconnect();
  }
  assert.deepEqual(warnings, []);
});

Deno.test("a handler that was given up joins no group once its socket is gone, and that is no failure", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  for (const way of ["late", "late, and not by a promise", "early and late"]) {
    const waited = Promise.withResolvers<void>();
    const refusals: unknown[] = [];
    const tried = Promise.withResolvers<void>();
    class Slow extends WebSocketConsumer {
      override async receive() {
        if (way === "early and late") await this.layer.groupAdd("early", this.channelName);
        await waited.promise;
        try {
          await this.layer.groupAdd("room", this.channelName);
        } catch (error) {
          refusals.push((error as Error).name);
          if (way === "late") throw error;
        } finally {
          tried.resolve();
        }
      }
    }
    const tester = peer(new Slow(), { handlerTimeoutMs: 30 });
    await tester.connect();
    tester.send("x");
    assert.equal((await tester.closed).code, 1011);
    await tester.disconnect();
    waited.resolve();
    await tried.promise;
    assert.deepEqual(refusals, ["SocketGoneError"]);
    for (const group of ["room", "early"]) assert.deepEqual(await layer.presence(group), []);
    assert.match(warnings.splice(0).join(), /^Slow failed at receive: [^,]*longer than 30 ms$/);
  }
});

Deno.test("a consumer that was refused has no channel, and asking for it is no failure", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const refusing = new WebSocketConsumer();
  refusing.connect = () => {
    refusing.refuse(401);
    void refusing.channelName;
  };
  assert.equal((await peer(refusing).connect()).accepted, false);
  assert.deepEqual(warnings, []);
});

Deno.test("disconnect, and whoever hears the signal, may use the channel's name still", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const farewells = layer.newChannel();
  await layer.groupAdd("g", farewells);
  const heard: string[] = [];
  class Polite extends WebSocketConsumer {
    override connect() {
      this.signal.addEventListener("abort", () => heard.push(this.channelName));
      return this.accept();
    }
    override async receive() {
      await this.layer.groupAdd("g", this.channelName);
    }
    override async disconnect() {
      await this.layer.groupDiscard("g", this.channelName);
      await this.layer.groupSend("g", { type: "farewell", from: this.channelName });
    }
  }
  for (const joins of [true, false]) {
    const consumer = new Polite();
    const tester = peer(consumer);
    await tester.connect();
    if (joins) tester.send("join");
    await tester.disconnect();
    assert.deepEqual(heard, [(await layer.receive(farewells))["from"]]);
    assert.throws(() => consumer.channelName, { name: "SocketGoneError" });
    heard.length = 0;
  }
  // Who never had one is given one then, too: an error would come out of nobody's call.
  const silent = new WebSocketConsumer();
  silent.connect = () => {
    silent.signal.addEventListener("abort", () => heard.push(silent.channelName));
    return silent.accept();
  };
  const tester = peer(silent);
  await tester.connect();
  await tester.disconnect();
  assert.equal(heard.length, 1);
  assert.deepEqual(warnings, []);
});

Deno.test("a close code or reason that no socket can send is an error, and the socket goes on", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  const consumer = new WebSocketConsumer();
  consumer.receive = (data) => consumer.send(data);
  const tester = peer(consumer);
  await tester.connect();
  for (const code of [0, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000, 99999, 1000.5, NaN]) {
    assert.throws(() => consumer.close(code), {
      name: "RangeError",
      message:
        `Cannot close with code ${code}: only 1000 to 1003, 1007 to 1013 and 3000 to 4999 can be sent`,
    });
  }
  assert.throws(() => consumer.close(4403, "가".repeat(60)), {
    name: "RangeError",
    message: "Cannot close with a reason of 180 bytes: at most 123 pass",
  });
  tester.send("still here");
  assert.equal(await tester.receive(), "still here");
  consumer.close(4403, "가".repeat(41));
  assert.deepEqual(await tester.closed, { code: 4403, reason: "가".repeat(41) });
});

Deno.test("a handler that closes with what cannot be sent fails: 1011, or 500 before it accepted", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const closing = new WebSocketConsumer();
  closing.receive = () => closing.close(1006);
  const tester = peer(closing);
  await tester.connect();
  tester.send("x");
  assert.equal((await tester.closed).code, 1011);
  const early = new WebSocketConsumer();
  early.connect = () => early.close(4403, "x".repeat(124));
  assert.deepEqual(await peer(early).connect(), { accepted: false, status: 500, body: "" });
  const between = new WebSocketConsumer();
  between.connect = () => {
    void between.accept();
    between.close(2999);
  };
  const other = peer(between);
  await other.connect();
  assert.equal((await other.closed).code, 1011);
  assert.equal(warnings.length, 3);
  for (const warning of warnings) assert.match(warning, /RangeError: Cannot close with/);
});

Deno.test("what has no JSON is not sent", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  const consumer = new JsonWebSocketConsumer();
  const tester = peer(consumer);
  await tester.connect();
  const values = [undefined, () => {}, Symbol("s"), { toJSON: () => undefined }];
  for (const value of values) {
    const error = {
      name: "TypeError",
      message: `Cannot send a value of type ${typeof value}: it has no JSON`,
    };
    assert.throws(() => consumer.sendJson(value), error);
    assert.throws(() => tester.sendJson(value), error);
  }
  consumer.sendJson(null);
  assert.equal(await tester.receive(), "null");
  await tester.disconnect();
});

Deno.test("what is no JSON closes with 1007, bytes with 1003", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  for (const [data, code] of [["{", 1007], ["", 1007], [new Uint8Array(1), 1003]] as const) {
    const tester = peer(new JsonWebSocketConsumer());
    await tester.connect();
    tester.send(data);
    assert.equal((await tester.closed).code, code);
  }
});

Deno.test("a consumer that is used too early says so", () => {
  const consumer = new WebSocketConsumer();
  for (const use of ["scope", "raw", "layer", "channelName", "signal"] as const) {
    assert.throws(() => consumer[use], /a constructor is too early/);
  }
  assert.throws(() => consumer.send("x"), /a constructor is too early/);
});

/** What runs when it is awaited, as a query builder's query does, and is no `Promise`. */
function lazily(run: () => Promise<void>): Promise<void> {
  const query: PromiseLike<void> = {
    then: (done, failed) => run().then(done, failed),
  };
  return query as Promise<void>;
}

Deno.test("a handler's lazy query is run, and the next event waits for it", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  const log: string[] = [];
  const query = (what: string) =>
    lazily(async () => {
      log.push(`${what} begins`);
      await Promise.resolve();
      log.push(`${what} ends`);
    });
  class Querying extends WebSocketConsumer {
    override connect() {
      void this.accept();
      return query("connect");
    }
    override receive() {
      return query("receive");
    }
    event() {
      return query("event");
    }
    override disconnect() {
      return query("disconnect");
    }
  }
  const consumer = new Querying();
  const ann = peer(consumer);
  await ann.connect();
  const { channelName } = consumer;
  ann.send("x");
  await layer.send(channelName, { type: "event" });
  await ann.disconnect();
  assert.deepEqual(
    log,
    ["connect", "receive", "event", "disconnect"].flatMap((what) => [
      `${what} begins`,
      `${what} ends`,
    ]),
  );
  assert.deepEqual(warnings, []);
});

Deno.test("a lazy query that fails closes its socket", async () => {
  const { layer, peer, warnings } = setUp();
  await using _ = layer;
  class Failing extends WebSocketConsumer {
    override receive() {
      return lazily(() => Promise.reject(new Error("no such table")));
    }
  }
  const ann = peer(new Failing());
  await ann.connect();
  ann.send("x");
  await ann.disconnect();
  assert.match(warnings.join(), /failed at receive: Error: no such table/);
});

Deno.test("what throws closes its socket also when whom that is told fails, too", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  const warn = () => {
    throw new Error("the logger failed");
  };
  class Failing extends WebSocketConsumer {
    override async receive() {
      await Promise.resolve();
      throw new Error("broken");
    }
  }
  const ann = peer(new Failing(), { warn });
  await ann.connect();
  ann.send("x");
  assert.equal((await ann.closed).code, 1011);
});

Deno.test("a peer's calls that wait get what is sent in their order, one each", async () => {
  const { layer, peer } = setUp();
  await using _ = layer;
  class Echo extends WebSocketConsumer {
    override receive(data: string | Uint8Array) {
      this.send(data);
    }
  }
  const ann = peer(new Echo());
  await ann.connect();
  const late = assert.rejects(ann.receive({ timeoutMs: 1 }), /Nothing was sent within 1 ms/);
  const nothing = ann.receiveNothing({ forMs: 60_000 });
  await late;
  const calls = [ann.receive(), ann.receive()];
  for (const data of ["1", "2", "3"]) ann.send(data);
  assert.deepEqual(await Promise.all(calls), ["1", "2"]);
  assert.deepEqual(await Promise.allSettled([ann.receive(), ann.receive({ timeoutMs: 1 })]), [
    { status: "fulfilled", value: "3" },
    { status: "rejected", reason: new Error("Nothing was sent within 1 ms") },
  ]);
  assert.equal(await nothing, false);
  await ann.disconnect();
});
