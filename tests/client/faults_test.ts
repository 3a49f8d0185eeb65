import assert from "node:assert/strict";
import { Api, type Clock, RoomConnection } from "../../src/client/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { startServer } from "../support/server.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";

const EACH = 120;
const PEOPLE = ["Ari", "Bora", "Chan"];

/** Time that passes twenty times as fast, so that a silence of half a minute is over in a second. */
const quickClock: Clock = {
  now: () => performance.timeOrigin + performance.now() * 20,
  after(ms, callback) {
    const timer = setTimeout(callback, ms / 20);
    return () => clearTimeout(timer);
  },
};

Deno.test("through cut and dead connections and a restart, all see each message once, in one order", async () => {
  await using database = await createTestDatabase();
  await using servers = new AsyncDisposableStack();
  const one = servers.use(await startServer(database.url));
  await using two = await startServer(database.url);
  await using left = startTcpProxy(portOf(one.origin));
  await using right = startTcpProxy(portOf(two.origin));
  const people = await Promise.all(
    PEOPLE.map((name, n) => join(name, n % 2 === 0 ? left : right)),
  );
  try {
    const faults = [
      () => left.cut(),
      () => right.cut(),
      () => fallSilent(left),
      async () => {
        await one.stop();
        const PORT = String(portOf(one.origin));
        servers.use(await startServer(database.url, { PORT }));
      },
      () => fallSilent(right),
      () => left.cut(),
    ];
    for (let n = 1; n <= EACH; n++) {
      for (const { name, room } of people) room.send(`${name} ${n}`);
      if (n % 20 === 0) await faults[n / 20 - 1]!();
      // Some of each twenty leave before the fault, some while there is no connection.
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const all = EACH * PEOPLE.length;
    await until(() =>
      people.every(({ room, seen }) => seen.length >= all && room.outbox.length === 0)
    );

    const stored = await database.sql<{ seq: number; id: string; body: string }[]>`
      select seq::int, id, body from messages order by seq`;
    assert.equal(stored.length, all);
    assert.deepEqual(stored.map(({ seq }) => seq), stored.map((_, n) => n + 1));
    for (const { name, seen } of people) {
      assert.deepEqual(seen, stored.map(({ id }) => id), `${name} saw all, once, in order`);
      assert.deepEqual(
        stored.map(({ body }) => body).filter((body) => body.startsWith(name)),
        Array.from({ length: EACH }, (_, n) => `${name} ${n + 1}`),
        `${name}'s messages are in the order in which they were sent`,
      );
    }
  } finally {
    for (const { room } of people) room.close();
    // A silent connection never answers a close.
    left.cut();
    right.cut();
    await until(() => people.every(({ sockets }) => sockets.every((s) => s.readyState === 3)));
  }
});

/** A member with a cookie, as a browser has, and all that they have seen. */
async function join(name: string, proxy: TcpProxy) {
  const baseUrl = `http://127.0.0.1:${proxy.port}`;
  let cookie = "";
  const api = new Api({
    baseUrl,
    fetch: async (url, init) => {
      const response = await fetch(url, { ...init, headers: { ...init?.headers, cookie } });
      cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
      return response;
    },
  });
  await api.me();
  await api.createRoom("마루");
  const { position, epoch } = await api.history("마루");
  const sockets: WebSocket[] = [];
  const room = new RoomConnection("마루", {
    baseUrl,
    position,
    epoch,
    clock: quickClock,
    network: new EventTarget(),
    WebSocket: class extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        // Deno's own addition, of which the types of browsers know nothing.
        const init = { protocols: [protocols ?? []].flat(), headers: { cookie } };
        super(url, init as unknown as string[]);
        sockets.push(this);
      }
    },
  });
  const seen: string[] = [];
  room.on("message", ({ id }) => seen.push(id));
  room.open();
  return { name, room, seen, sockets };
}

/** What is sent is lost, and nobody is told; the next connections are well. */
function fallSilent(proxy: TcpProxy): void {
  proxy.swallow();
  setTimeout(() => proxy.resume(), 100);
}

function portOf(origin: string): number {
  return Number(new URL(origin).port);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
