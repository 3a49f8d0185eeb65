import assert from "node:assert/strict";
import { createAdaptorServer } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import type { EventEmitter } from "node:events";
import { Hono } from "hono";
import { upgradeWebSocket } from "hono/deno";
import {
  acceptedSubprotocol,
  memoryChannelLayer,
  type Message,
  WebSocketConsumer,
  websocketConsumer,
} from "../../src/channels/mod.ts";
import { ConsumerTester } from "../../src/channels/testing/mod.ts";
import { freePort } from "../support/instance.ts";
import { SocketPeer } from "../support/socket_peer.ts";
import { until } from "../support/until.ts";

/** What the sockets of a server did. */
interface Served extends AsyncDisposable {
  readonly origin: string;
}

type Mount = (app: Hono, upgrade: Parameters<typeof websocketConsumer>[0]) => void;

const ADAPTERS: Readonly<Record<string, (mount: Mount) => Promise<Served>>> = {
  "hono/deno": (mount) => {
    const app = new Hono();
    mount(app, upgradeWebSocket);
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app.fetch);
    return Promise.resolve({
      origin: `127.0.0.1:${server.addr.port}`,
      [Symbol.asyncDispose]: () => server.shutdown(),
    });
  },
  "@hono/node-ws": async (mount) => {
    const app = new Hono();
    const { upgradeWebSocket, injectWebSocket, wss } = createNodeWebSocket({ app });
    wss.options.handleProtocols = acceptedSubprotocol;
    mount(app, upgradeWebSocket);
    const server = createAdaptorServer({ fetch: app.fetch });
    injectWebSocket(server);
    const port = freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
      origin: `127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
};

function open(origin: string, protocols?: string[]): Promise<SocketPeer> {
  return SocketPeer.open(`ws://${origin}/ws/lobby/?q=1`, protocols);
}

for (const [adapter, serve] of Object.entries(ADAPTERS)) {
  Deno.test(`${adapter}: a consumer knows its request, echoes text and bytes, hears its group`, async () => {
    await using layer = memoryChannelLayer();
    const gone = Promise.withResolvers<number>();
    class Echo extends WebSocketConsumer<string, { id: number } | undefined> {
      override groups = ["g"];
      override async connect() {
        const { path, params, query, headers, user, session } = this.scope;
        await this.accept("v1");
        this.send(
          [path, params["room"], query.get("q"), headers.get("host"), user, session?.id].join(" "),
        );
      }
      override receive(data: string | Uint8Array) {
        this.send(data);
        if (data === "close") this.close(4000, "as you wish");
      }
      event({ n }: Message) {
        this.send(`event ${n}`);
      }
      override disconnect(code: number) {
        this.signal.addEventListener("abort", () => gone.resolve(code));
      }
    }
    await using server = await serve((app, upgrade) =>
      app.get(
        "/ws/:room/",
        websocketConsumer(upgrade, () => new Echo(), {
          layer,
          user: () => "Ann",
          session: () => ({ id: 7 }),
        }),
      )
    );
    await using peer = await open(server.origin, ["v2", "v1"]);
    assert.equal(peer.socket.protocol, "v1");
    assert.equal(await peer.next(), `/ws/lobby/ lobby 1 ${server.origin} Ann 7`);
    peer.send("안녕");
    assert.equal(await peer.next(), "안녕");
    peer.send(new Uint8Array([1, 2, 3]));
    assert.deepEqual(new Uint8Array(await peer.next() as ArrayBuffer), new Uint8Array([1, 2, 3]));
    await layer.groupSend("g", { type: "event", n: 7 });
    assert.equal(await peer.next(), "event 7");
    peer.send("close");
    const { code, reason } = await peer.closed;
    assert.deepEqual([code, reason], [4000, "as you wish"]);
    assert.equal(await gone.promise, 4000);
    assert.deepEqual(await layer.presence("g"), []);
  });

  Deno.test(`${adapter}: a request is known as long as its socket, also when first asked late`, async () => {
    await using layer = memoryChannelLayer();
    class Late extends WebSocketConsumer {
      override receive() {
        const { path, params, query, headers, subprotocols } = this.scope;
        assert.equal(this.scope.headers, headers);
        this.send(
          JSON.stringify([path, params, query.get("q"), headers.get("host"), subprotocols]),
        );
      }
    }
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => new Late(), { layer }))
    );
    await using peer = await open(server.origin);
    peer.send("what do you know?");
    assert.deepEqual(JSON.parse(await peer.next() as string), [
      ...["/ws/lobby/", { room: "lobby" }, "1", server.origin],
      [],
    ]);
  });

  Deno.test(`${adapter}: a request that is let go of is known until the peer is let in`, async () => {
    await using layer = memoryChannelLayer();
    class Forgetful extends WebSocketConsumer {
      override groups = ["g"];
      override async connect() {
        const offered = this.scope.subprotocols;
        await this.accept(offered[0]);
        assert.throws(() => this.scope, /Cannot read the scope/);
        this.send(`open ${this.raw !== undefined}`);
      }
      override receive(data: string | Uint8Array) {
        this.send(data);
      }
    }
    await using server = await serve((app, upgrade) =>
      app.get(
        "/ws/:room/",
        websocketConsumer(upgrade, () => new Forgetful(), { layer, forgetRequest: true }),
      )
    );
    await using peer = await open(server.origin, ["v1"]);
    assert.equal(peer.socket.protocol, "v1");
    assert.equal(await peer.next(), "open true");
    peer.send("hello");
    assert.equal(await peer.next(), "hello");
    assert.equal((await layer.presence("g")).length, 1);
  });

  Deno.test(`${adapter}: without a subprotocol of the consumer's there is none`, async () => {
    await using layer = memoryChannelLayer();
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => new WebSocketConsumer(), { layer }))
    );
    await using peer = await open(server.origin);
    assert.equal(peer.socket.protocol, "");
  });

  Deno.test(`${adapter}: a refusal is an HTTP status, and so is a request that is no upgrade`, async () => {
    await using layer = memoryChannelLayer();
    class Refusing extends WebSocketConsumer {
      override connect() {
        this.refuse(401, "Sign in first");
      }
    }
    await using server = await serve((app, upgrade) => {
      app.get("/ws/lobby/", websocketConsumer(upgrade, () => new Refusing(), { layer }));
      app.get("/ws/other/", websocketConsumer(upgrade, (c) => c.text("no", 429), { layer }));
    });
    assert.equal(await statusOfUpgrade(server.origin, "/ws/lobby/"), 401);
    assert.equal(await statusOfUpgrade(server.origin, "/ws/other/"), 429);
    const plain = await fetch(`http://${server.origin}/ws/lobby/`);
    assert.equal(plain.status, 426);
    assert.equal(plain.headers.get("upgrade"), "websocket");
    await plain.body?.cancel();
  });

  Deno.test(`${adapter}: a request that only looks like a handshake makes no consumer`, async () => {
    await using layer = memoryChannelLayer();
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => assert.fail("made"), { layer }))
    );
    const wrongs = [
      "Connection: keep-alive",
      "Connection: keep-alive, upgrades",
      "Sec-WebSocket-Key: short",
      "Sec-WebSocket-Version: 7",
    ];
    for (const wrong of wrongs) {
      const { connection, answer } = await requestUpgrade(server.origin, "/ws/lobby/", wrong);
      connection.close();
      assert.match(answer, /^HTTP\/1.1 400 /);
      // The others ws answers itself, where it hears of them first.
      if (!wrong.startsWith("Connection")) continue;
      assert.match(answer, /This is no WebSocket handshake .*: Connection has no "Upgrade"/);
    }
  });

  Deno.test(`${adapter}: a handshake may ask for more of its connection than the upgrade`, async () => {
    await using layer = memoryChannelLayer();
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => new WebSocketConsumer(), { layer }))
    );
    const asked = "Connection: keep-alive, UPGRADE";
    const { connection, answer } = await requestUpgrade(server.origin, "/ws/lobby/", asked);
    connection.close();
    assert.match(answer, /^HTTP\/1.1 101 /);
  });

  Deno.test(`${adapter}: a socket is closed with each code that can be sent, and with 1011 for another`, async () => {
    await using layer = memoryChannelLayer();
    class Closing extends WebSocketConsumer {
      override receive(data: string | Uint8Array) {
        this.close(Number(data), "가".repeat(Number(data) === 4403 ? 42 : 41));
      }
    }
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => new Closing(), { layer }))
    );
    const codes: number[] = [];
    for (let code = 1000; code <= 1016; code++) codes.push(code);
    for (const code of [...codes, 2999, 3000, 4403, 4999, 5000, 99999]) {
      const peer = await open(server.origin);
      peer.send(String(code));
      const closed = await peer.closed;
      const sent = ![1004, 1005, 1006, 1014, 1015, 1016, 2999, 4403, 5000, 99999].includes(code);
      assert.deepEqual([closed.code, closed.reason], sent ? [code, "가".repeat(41)] : [1011, ""]);
    }
  });

  Deno.test(`${adapter}: disconnect runs, with 1006, when the peer vanishes`, async () => {
    await using layer = memoryChannelLayer();
    const gone = Promise.withResolvers<number>();
    class Leaving extends WebSocketConsumer {
      override groups = ["g"];
      override disconnect(code: number) {
        this.signal.addEventListener("abort", () => gone.resolve(code));
      }
    }
    await using server = await serve((app, upgrade) =>
      app.get("/ws/:room/", websocketConsumer(upgrade, () => new Leaving(), { layer }))
    );
    const peer = await requestUpgrade(server.origin, "/ws/lobby/");
    assert.match(peer.answer, /^HTTP\/1.1 101 /);
    peer.connection.close();
    assert.equal(await gone.promise, 1006);
    assert.deepEqual(await layer.presence("g"), []);
  });
}

Deno.test("the adapter's listeners are taken off with the request; nobody else's, and a bad frame harms none", async () => {
  await using layer = memoryChannelLayer();
  const heard: number[] = [];
  const gone = Promise.withResolvers<number>();
  class Own extends WebSocketConsumer {
    override async connect() {
      await this.accept();
      const raw = this.raw as EventEmitter;
      raw.on("message", (data: Uint8Array) => heard.push(data.length));
      const counts = ["message", "close", "error"].map((event) => raw.listenerCount(event));
      this.send(JSON.stringify(counts));
    }
    override receive(data: string | Uint8Array) {
      this.send(data);
    }
    override disconnect(code: number) {
      gone.resolve(code);
    }
  }
  await using server = await ADAPTERS["@hono/node-ws"]!((app, upgrade) =>
    app.get("/ws/", websocketConsumer(upgrade, () => new Own(), { layer, forgetRequest: true }))
  );
  {
    await using peer = await SocketPeer.open(`ws://${server.origin}/ws/`);
    // Besides this one and the session: on closing, ws has to forget its client.
    assert.deepEqual(JSON.parse(await peer.next() as string), [2, 2, 1]);
    peer.send("hello");
    assert.equal(await peer.next(), "hello");
    assert.deepEqual(heard, [5]);
  }
  assert.equal(await gone.promise, 1005);

  const { connection } = await requestUpgrade(server.origin, "/ws/");
  using _closing = connection;
  // A text frame that is not masked, as a client's has to be.
  await connection.write(new Uint8Array([0x81, 0x01, 0x61]));
  const read: number[] = [];
  const buffer = new Uint8Array(64);
  const closing = [0x88, 0x02, 1002 >> 8, 1002 & 0xff].join();
  while (!read.join().endsWith(closing)) {
    read.push(
      ...buffer.subarray(0, await connection.read(buffer) ?? assert.fail("it was cut off")),
    );
  }
});

Deno.test("hono/deno: a peer that sends faster than is handled is closed with 1008", async () => {
  await using layer = memoryChannelLayer();
  const { promise, resolve } = Promise.withResolvers<void>();
  const consumer = new WebSocketConsumer();
  consumer.receive = () => promise;
  await using server = await ADAPTERS["hono/deno"]!((app, upgrade) =>
    app.get("/ws/:room/", websocketConsumer(upgrade, () => consumer, { layer }))
  );
  const peer = await open(server.origin);
  for (let n = 0; n < 1_002; n++) peer.send("x");
  assert.equal((await peer.closed).code, 1008);
  resolve();
});

Deno.test("@hono/node-ws: a peer that sends faster than is handled is not read meanwhile", async () => {
  await using layer = memoryChannelLayer();
  const { promise, resolve } = Promise.withResolvers<void>();
  const consumer = new WebSocketConsumer();
  consumer.receive = async (data) => {
    await promise;
    consumer.send(data);
  };
  await using server = await ADAPTERS["@hono/node-ws"]!((app, upgrade) =>
    app.get("/ws/:room/", websocketConsumer(upgrade, () => consumer, { layer }))
  );
  await using peer = await open(server.origin);
  const paused = () => (consumer.raw as { readonly isPaused: boolean }).isPaused;
  // More than may wait, and so large that what is read at once does not bring it all.
  const sent = Array.from({ length: 1_500 }, (_, n) => `${n}`.padEnd(2_000));
  for (const data of sent) peer.send(data);
  await until(paused);
  resolve();
  for (const data of sent) assert.equal(await peer.next(), data);
  assert.equal(paused(), false);
});

/** Mounts one consumer and connects a peer that neither reads nor answers. */
async function withDeafPeer(
  consumer: WebSocketConsumer,
  options: { readonly keepaliveMs?: number; readonly warn?: (message: string) => void },
): Promise<void> {
  await using layer = memoryChannelLayer();
  await using server = await ADAPTERS["@hono/node-ws"]!((app, upgrade) =>
    app.get("/ws/", websocketConsumer(upgrade, () => consumer, { layer, ...options }))
  );
  const { connection } = await requestUpgrade(server.origin, "/ws/");
  await new Promise((resolve) => consumer.signal.addEventListener("abort", resolve));
  connection.close();
}

Deno.test("a time that is none is refused where a consumer is mounted, or tested", async () => {
  await using layer = memoryChannelLayer();
  const make = () => new WebSocketConsumer();
  for (const ms of [0, -1, NaN]) {
    const refused = { name: "RangeError", message: /^Cannot use (handlerTimeout|keepalive)Ms / };
    for (const options of [{ handlerTimeoutMs: ms }, { keepaliveMs: ms }]) {
      assert.throws(
        () => websocketConsumer(upgradeWebSocket, make, { layer, ...options }),
        refused,
      );
    }
    assert.throws(() => new ConsumerTester(make(), { layer, handlerTimeoutMs: ms }), refused);
  }
});

Deno.test("a peer is given longer for its ping than a timer can wait", async () => {
  await using layer = memoryChannelLayer();
  const consumer = new WebSocketConsumer();
  const codes: number[] = [];
  consumer.receive = (data) => consumer.send(data);
  consumer.disconnect = (code) => void codes.push(code);
  await using server = await ADAPTERS["@hono/node-ws"]!((app, upgrade) =>
    app.get("/ws/", websocketConsumer(upgrade, () => consumer, { layer, keepaliveMs: 2 ** 31 }))
  );
  {
    await using peer = await SocketPeer.open(`ws://${server.origin}/ws/`);
    (consumer.raw as { ping(): void }).ping = () => assert.fail("too early");
    await new Promise((resolve) => setTimeout(resolve, 20));
    peer.send("still here");
    assert.equal(await peer.next(), "still here");
  }
  await until(() => codes.length === 1);
  assert.deepEqual(codes, [1005]);
});

Deno.test("a peer that answers no ping is cut off", async () => {
  const consumer = new WebSocketConsumer();
  const codes: number[] = [];
  consumer.disconnect = (code) => void codes.push(code);
  await withDeafPeer(consumer, { keepaliveMs: 30 });
  assert.deepEqual(codes, [1006]);
});

Deno.test("a peer that leaves too much unread is cut off, and that is told", async () => {
  const warnings: string[] = [];
  const consumer = new WebSocketConsumer();
  consumer.connect = async () => {
    await consumer.accept();
    const chunk = "x".repeat(64 * 1024);
    // The kernel takes some megabytes before anything is left with us.
    for (let sent = 0; sent < 1_000 && !consumer.signal.aborted; sent++) {
      consumer.send(chunk);
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  await withDeafPeer(consumer, { warn: (message) => warnings.push(message) });
  assert.deepEqual(warnings, ["WebSocketConsumer failed at sending"]);
});

async function statusOfUpgrade(origin: string, path: string): Promise<number> {
  const { connection, answer } = await requestUpgrade(origin, path);
  connection.close();
  return Number(answer.split(" ")[1]);
}

/** Asks for an upgrade as no browser lets one see it, with another header than it should be. */
async function requestUpgrade(origin: string, path: string, other = "") {
  const [hostname, port] = origin.split(":") as [string, string];
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode([
    `GET ${path} HTTP/1.1`,
    `Host: ${origin}`,
    "Upgrade: websocket",
    ...[
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ].map((header) => other.split(":")[0] === header.split(":")[0] ? other : header),
    "\r\n",
  ].join("\r\n")));
  const buffer = new Uint8Array(4096);
  const length = await connection.read(buffer) ?? 0;
  return { connection, answer: new TextDecoder().decode(buffer.subarray(0, length)) };
}
