import assert from "node:assert/strict";
import { Api } from "../../src/client/mod.ts";
import { ChatRoom } from "../../src/ui/room/chat_room.ts";
import { FakeSockets } from "../client/fake_sockets.ts";
import { ack, message, refusal, reset, welcome } from "../client/frames.ts";
import { ManualClock } from "../client/manual_clock.ts";
import { entry, MemoryStore, OTTER, page } from "./messages.ts";

type Answer = () => Response | Promise<Response>;

/** A room whose server is the test: each path answers from its list, the last answer for ever. */
function setUp(answers: Record<string, Answer[]>) {
  const clock = new ManualClock();
  const sockets = new FakeSockets();
  const store = new MemoryStore();
  const asked: string[] = [];
  const api = new Api({
    baseUrl: "https://chat.test",
    clock,
    fetch: async (url, init) => {
      const path = String(url).replace("https://chat.test", "");
      const key = `${init?.method} ${path.split("?")[0]}`;
      asked.push(`${init?.method} ${path}`);
      const queue = answers[key] ?? [];
      const answer = queue.length > 1 ? queue.shift() : queue[0];
      return await (answer ?? (() => problem(404, "not_found")))();
    },
  });
  let ids = 0;
  const room = new ChatRoom("lobby", {
    api,
    store,
    clock,
    connection: {
      baseUrl: "https://chat.test",
      WebSocket: sockets.WebSocket,
      network: new EventTarget(),
      random: () => 0.5,
      randomUUID: () => `mine-${++ids}`,
    },
  });
  const shown = () => room.log.messages.value.map(({ seq }) => seq);
  return { room, clock, sockets, store, asked, shown };
}

const ME = "GET /api/me";
const HISTORY = "GET /api/rooms/lobby/messages";
const me: Answer = () => Response.json({ ...OTTER, guest: true });
const history = (from: number, to: number, fields = {}): Answer => () =>
  Response.json({ ...page(from, to), ...fields });

function problem(status: number, code: string, retry = false): Response {
  return Response.json({ type: "about:blank", title: "No", status, code, retry }, { status });
}

/** Lets what is settled already run on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("a room asks who one is before it opens its socket at the position of the history", async () => {
  const { room, sockets, asked, shown } = setUp({ [ME]: [me], [HISTORY]: [history(1, 3)] });
  await room.open();
  assert.deepEqual(asked, ["GET /api/me", "GET /api/rooms/lobby/messages?limit=50"]);
  assert.match(sockets.last.url, /\?after=3&epoch=one$/);
  assert.deepEqual(room.you.value, { ...OTTER, guest: true });
  assert.deepEqual(shown(), [1, 2, 3]);
  room.close();
});

Deno.test("what fails to load is tried again, and says why meanwhile", async () => {
  const { room, clock, sockets } = setUp({
    [ME]: [() => Promise.reject(new TypeError("no network")), me],
    [HISTORY]: [() => problem(503, "database_unavailable", true), history(1, 1)],
  });
  const opened = room.open();
  await settle();
  assert.equal(room.trouble.value, "unreachable");
  clock.advance(15_000);
  await settle();
  assert.equal(room.trouble.value, "database_unavailable");
  room.wake();
  await opened;
  assert.equal(room.trouble.value, null);
  assert.equal(sockets.opened.length, 1);
  room.close();
});

Deno.test("a room that one may not see is refused without another try", async () => {
  const { room, clock, sockets } = setUp({
    [ME]: [me],
    [HISTORY]: [() => problem(403, "not_allowed")],
  });
  await room.open();
  assert.equal(room.refused.value, "not_allowed");
  assert.equal(sockets.opened.length, 0);
  assert.equal(clock.waiting, 0);
});

Deno.test("a room that is not there is opened", async () => {
  const { room, asked } = setUp({
    [ME]: [me],
    [HISTORY]: [() => problem(404, "no_such_room"), history(1, 0)],
    "POST /api/rooms": [() => Response.json({ name: "lobby" }, { status: 201 })],
  });
  await room.open();
  assert.equal(asked.includes("POST /api/rooms"), true);
  assert.equal(room.refused.value, null);
  room.close();
});

Deno.test("a message is shown at once, and becomes the room's when it comes back", async () => {
  const { room, sockets, shown } = setUp({ [ME]: [me], [HISTORY]: [history(1, 1)] });
  await room.open();
  sockets.last.accept().frames(welcome(1));
  assert.equal(room.send("  \n hello\n\n"), null);
  assert.deepEqual(room.outbox.value.map(({ message }) => message), [" hello"]);
  sockets.last.frames(ack("mine-1", 2), message(2, { id: "mine-1", sender: OTTER }));
  assert.deepEqual(room.outbox.value, []);
  assert.deepEqual(shown(), [1, 2]);
  room.close();
});

Deno.test("a text that cannot be a message stays with its writer", async () => {
  const { room } = setUp({ [ME]: [me], [HISTORY]: [history(1, 1)] });
  await room.open();
  assert.equal(room.send(" \n "), "message_empty");
  assert.equal(room.send("가".repeat(8_001)), "message_too_long");
  assert.equal(room.send("a\0b"), "message_ill_formed");
  assert.deepEqual(room.outbox.value, []);
  room.close();
});

Deno.test("messages on their way survive a reload, under the same ids", async () => {
  const first = setUp({ [ME]: [me], [HISTORY]: [history(1, 1)] });
  await first.room.open();
  first.room.send("one");
  first.room.send("two");
  first.room.close();

  const second = setUp({
    [ME]: [me],
    [HISTORY]: [
      history(1, 2, {
        messages: [...page(1, 1).messages, {
          ...page(2, 2).messages[0],
          id: "mine-1",
          sender: OTTER,
        }],
      }),
    ],
  });
  for (const [key, value] of first.store.values) second.store.set(key, value);
  await second.room.open();
  second.sockets.last.accept().frames(welcome(2));
  assert.deepEqual(second.sockets.last.texts, ["two"], "one was stored, as the history shows");
  assert.equal(second.sockets.last.sent[0]?.id, "mine-2");
  second.room.close();
});

Deno.test("an answer names the message that it answers, also when it goes again after a reload", async () => {
  const first = setUp({ [ME]: [me], [HISTORY]: [history(1, 3)] });
  await first.room.open();
  first.room.send("an answer", { replyTo: 2 });
  first.room.close();

  const second = setUp({ [ME]: [me], [HISTORY]: [history(1, 3)] });
  for (const [key, value] of first.store.values) second.store.set(key, value);
  await second.room.open();
  second.sockets.last.accept().frames(welcome(3));
  assert.deepEqual(second.sockets.last.sent, [
    { type: "message", id: "mine-1", message: "an answer", reply_to: 2 },
  ]);
  second.room.close();
});

Deno.test("a refusal for good is kept with its reason, and can be discarded", async () => {
  const { room, sockets } = setUp({ [ME]: [me], [HISTORY]: [history(1, 1)] });
  await room.open();
  sockets.last.accept().frames(welcome(1));
  room.send("hello");
  sockets.last.frames(refusal("not_allowed", "mine-1"));
  const { created_at, ...rest } = room.outbox.value[0]!;
  const { created_at: _, ...expected } = entry("mine-1", {
    message: "hello",
    state: "failed",
    code: "not_allowed",
  });
  assert.deepEqual(rest, expected);
  assert.ok(Date.parse(created_at));
  room.discard("mine-1");
  assert.deepEqual(room.outbox.value, []);
  room.close();
});

Deno.test("after a reset the history is loaded anew, with what came meanwhile", async () => {
  const answer = Promise.withResolvers<Response>();
  const { room, sockets, shown } = setUp({
    [ME]: [me],
    [HISTORY]: [history(1, 3), () => answer.promise],
  });
  await room.open();
  sockets.last.accept().frames(welcome(3), reset(900, "two"), message(901));
  assert.deepEqual(shown(), [1, 2, 3]);
  answer.resolve(Response.json({ ...page(898, 900), epoch: "two" }));
  await settle();
  assert.deepEqual(shown(), [898, 899, 900, 901]);
  room.close();
});

Deno.test("one's own messages stay in view, once, while the history is loaded anew", async () => {
  const answer = Promise.withResolvers<Response>();
  const { room, sockets, store, shown } = setUp({
    [ME]: [me],
    [HISTORY]: [history(1, 3), () => answer.promise],
  });
  await room.open();
  sockets.last.accept().frames(welcome(3));
  for (const text of ["acknowledged", "seen", "discarded", "waits"]) room.send(text);
  sockets.last.drop();
  sockets.last.accept().frames(welcome(600), reset(600, "two"));
  sockets.last.frames(
    ack("mine-1", 7),
    message(601, { id: "mine-2", sender: OTTER }),
    refusal("not_allowed", "mine-3"),
  );
  room.discard("mine-3");
  const states = () => room.outbox.value.map(({ message, state }) => `${message}: ${state}`);
  assert.deepEqual(states(), ["acknowledged: sent", "seen: sent", "waits: pending"]);
  assert.doesNotMatch([...store.values.values()].join(), /acknowledged|seen/);
  answer.resolve(Response.json({ ...page(551, 600), epoch: "two" }));
  await settle();
  assert.deepEqual(states(), ["waits: pending"]);
  assert.deepEqual(shown().slice(-2), [600, 601]);
  room.close();
});

Deno.test("a second reset makes the answer to the first one count for nothing", async () => {
  const slow = Promise.withResolvers<Response>();
  const { room, sockets, shown } = setUp({
    [ME]: [me],
    [HISTORY]: [history(1, 3), () => slow.promise, history(50, 52)],
  });
  await room.open();
  sockets.last.accept().frames(welcome(3), reset(30, "two"), reset(52, "three"));
  await settle();
  slow.resolve(Response.json(page(28, 30)));
  await settle();
  assert.deepEqual(shown(), [50, 51, 52]);
  room.close();
});

Deno.test("older pages are loaded one at a time, and a failure waits to be asked again", async () => {
  const { room, asked, shown } = setUp({
    [ME]: [me],
    [HISTORY]: [history(8, 9), () => problem(500, "internal", true), history(1, 7)],
  });
  await room.open();
  await Promise.all([room.loadOlder(), room.loadOlder()]);
  assert.equal(room.older.value, "internal");
  assert.equal(asked.filter((path) => path.includes("before_seq=8")).length, 1);
  await room.loadOlder();
  assert.equal(room.older.value, "idle");
  assert.deepEqual(shown(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await room.loadOlder();
  assert.equal(asked.length, 4, "there is nothing before the first message");
  room.close();
});

Deno.test("a final close shows why, and stops", async () => {
  const { room, sockets, clock } = setUp({ [ME]: [me], [HISTORY]: [history(1, 1)] });
  await room.open();
  sockets.last.accept().frames(welcome(1));
  sockets.last.drop(4404);
  assert.equal(room.refused.value, "no_such_room");
  assert.equal(room.ready, false);
  assert.equal(clock.waiting, 0);
});

Deno.test("a room that is closed while it loads leaves nothing behind", async () => {
  const { room, clock, sockets } = setUp({
    [ME]: [() => Promise.reject(new TypeError("no network"))],
  });
  const opened = room.open();
  await settle();
  room.close();
  await opened;
  assert.equal(clock.waiting, 0);
  assert.equal(sockets.opened.length, 0);
});
