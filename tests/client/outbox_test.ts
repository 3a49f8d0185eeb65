import assert from "node:assert/strict";
import { RoomConnection, type RoomConnectionOptions } from "../../src/client/mod.ts";
import { FakeSockets } from "./fake_sockets.ts";
import { ack, EPOCH, message, refusal, reset, welcome, YOU } from "./frames.ts";
import { ManualClock } from "./manual_clock.ts";

function setUp(options: RoomConnectionOptions = {}) {
  const clock = new ManualClock();
  const sockets = new FakeSockets();
  let ids = 0;
  const room = new RoomConnection("lobby", {
    baseUrl: "https://chat.test",
    WebSocket: sockets.WebSocket,
    clock,
    network: new EventTarget(),
    random: () => 0.5,
    randomUUID: () => `mine-${++ids}`,
    ...options,
  });
  room.open();
  const open = () => sockets.last.accept().frames(welcome());
  const states = () => room.outbox.map(({ message, state }) => `${message}: ${state}`);
  return { clock, sockets, room, open, states };
}

Deno.test("a message waits for the welcome, is pending, then sent, then gone when it is seen", () => {
  const { room, sockets, open, states } = setUp();
  const id = room.send("hello");
  assert.deepEqual(sockets.last.sent, []);
  open();
  assert.deepEqual(sockets.last.sent, [{ type: "message", id, message: "hello" }]);
  assert.deepEqual(states(), ["hello: pending"]);
  sockets.last.frames(ack(id));
  assert.deepEqual(states(), ["hello: sent"]);
  sockets.last.frames(message(1, { id, sender: YOU }));
  assert.deepEqual(states(), []);
  room.close();
});

Deno.test("a message that is seen before its acknowledgement is gone, and the queue goes on", () => {
  const { room, sockets, open, states } = setUp();
  open();
  const id = room.send("first");
  sockets.last.frames(message(1, { id, sender: YOU }), ack(id));
  assert.deepEqual(states(), []);
  room.send("second");
  assert.deepEqual(sockets.last.texts, ["first", "second"]);
  room.close();
});

Deno.test("another person's message with the same id does not take one's own away", () => {
  const { room, sockets, open, states } = setUp();
  open();
  const id = room.send("mine");
  sockets.last.frames(message(1, { id }));
  assert.deepEqual(states(), ["mine: pending"]);
  room.close();
});

Deno.test("after a loss all that is not acknowledged goes again in order, under the same ids", () => {
  const { room, sockets, open } = setUp();
  open();
  const ids = ["a", "b", "c"].map((text) => room.send(text));
  sockets.last.frames(ack(ids[0]));
  sockets.last.drop();
  room.send("d");
  open();
  assert.deepEqual(sockets.last.texts, ["b", "c", "d"]);
  assert.deepEqual(sockets.last.sent.slice(0, 2).map(({ id }) => id), ids.slice(1));
  room.close();
});

Deno.test("no more than a window of messages is under way, and order holds beyond it", () => {
  const { room, sockets, open } = setUp();
  open();
  const texts = Array.from({ length: 100 }, (_, n) => `text ${n}`);
  for (const text of texts) room.send(text);
  assert.equal(sockets.last.sent.length, 32);
  for (let n = 0; n < 100; n++) sockets.last.frames(ack(sockets.last.sent[n]?.id, n + 1));
  assert.deepEqual(sockets.last.texts, texts);
  room.close();
});

Deno.test("after a refusal for now the queue goes again from the refused message, when all have answered", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  const [a, b, c] = ["a", "b", "c"].map((text) => room.send(text));
  sockets.last.frames(ack(a), refusal("rate_limited", b, 2));
  clock.advance(5_000);
  assert.deepEqual(sockets.last.texts, ["a", "b", "c"], "c has not answered yet");
  room.send("d");
  sockets.last.frames(refusal("out_of_order", c));
  assert.deepEqual(sockets.last.texts, ["a", "b", "c", "b", "c", "d"]);
  room.close();
});

Deno.test("the wait that a refusal asks for is kept, also over a new socket", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  const id = room.send("a");
  sockets.last.frames(refusal("rate_limited", id, 3));
  assert.equal(room.outbox[0]?.code, "rate_limited");
  clock.advance(1_000);
  sockets.last.drop();
  open();
  assert.deepEqual(sockets.last.texts, []);
  clock.advance(1_999);
  assert.deepEqual(sockets.last.texts, []);
  clock.advance(1);
  assert.deepEqual(sockets.last.texts, ["a"]);
  room.close();
});

Deno.test("a message that is refused for good fails with its code, and the rest goes on", () => {
  const { room, sockets, open, states } = setUp();
  open();
  const [a, b] = ["a", "b"].map((text) => room.send(text));
  sockets.last.frames(refusal("message_too_long", a), ack(b));
  assert.deepEqual(states(), ["a: failed", "b: sent"]);
  assert.equal(room.outbox[0]?.code, "message_too_long");
  room.close();
});

Deno.test("a failed message is resent at the end under the same id", () => {
  const { room, sockets, open, states } = setUp();
  open();
  const [a, b] = ["a", "b"].map((text) => room.send(text));
  sockets.last.frames(refusal("not_allowed", a));
  room.resend(a!);
  assert.deepEqual(states(), ["b: pending", "a: pending"]);
  assert.deepEqual(sockets.last.sent.map(({ id }) => id), [a, b, a]);
  room.close();
});

Deno.test("a message whose id belongs to another is resent under a new one", () => {
  const { room, sockets, open } = setUp();
  open();
  const id = room.send("a");
  sockets.last.frames(refusal("id_conflict", id));
  room.resend(id);
  assert.deepEqual(sockets.last.sent.map(({ id }) => id), ["mine-1", "mine-2"]);
  room.close();
});

Deno.test("a failed message and one that never left can be taken back, one under way cannot", () => {
  const { room, sockets, open, states } = setUp();
  const never = room.send("never left");
  assert.equal(room.discard(never), true);
  open();
  const [failed, underWay] = ["failed", "under way"].map((text) => room.send(text));
  sockets.last.frames(refusal("not_allowed", failed));
  assert.equal(room.discard(failed!), true);
  assert.equal(room.discard(underWay!), false);
  sockets.last.drop();
  assert.equal(room.discard(underWay!), false, "it may be stored");
  assert.deepEqual(states(), ["under way: pending"]);
  room.close();
});

Deno.test("a message that may be stored since an earlier socket cannot be taken back after a refusal for now", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  const id = room.send("a");
  sockets.last.drop();
  open();
  sockets.last.frames(refusal("rate_limited", id, 1));
  assert.equal(room.discard(id), false);
  clock.advance(1_000);
  sockets.last.frames(refusal("not_allowed", id));
  assert.equal(room.discard(id), true, "it failed for good");
  room.close();
});

Deno.test("when the server waits for a message that was taken back, a fresh socket frees the queue", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  const a = room.send("a");
  sockets.last.frames(refusal("busy", a));
  assert.equal(room.discard(a), true);
  const b = room.send("b");
  clock.advance(1_000);
  assert.deepEqual(sockets.last.texts, ["a", "b"]);
  sockets.last.frames(refusal("out_of_order", b));
  assert.equal(sockets.opened.length, 2);
  open();
  assert.deepEqual(sockets.last.texts, ["b"]);
  room.close();
});

Deno.test("an answer that never comes costs the socket, not the message", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  room.send("a");
  clock.advance(19_000);
  assert.equal(sockets.opened.length, 1);
  sockets.last.frames({ type: "pong" });
  clock.advance(1_000);
  assert.equal(sockets.opened.length, 2);
  open();
  assert.deepEqual(sockets.last.texts, ["a"]);
  room.close();
});

Deno.test("a message that the server fails on again and again is given back", () => {
  const { room, sockets, clock, open, states } = setUp();
  open();
  const id = room.send("poison");
  for (let tries = 1; tries <= 5; tries++) {
    assert.equal(sockets.last.sent.filter((frame) => frame.id === id).length, tries);
    sockets.last.frames(refusal("internal", id));
    clock.advance(10_000);
    sockets.last.frames({ type: "pong" });
  }
  assert.deepEqual(states(), ["poison: failed"]);
  room.close();
});

Deno.test("what was acknowledged but not seen goes again after a reset", () => {
  const { room, sockets, open } = setUp();
  open();
  const id = room.send("perhaps lost by a failover");
  sockets.last.frames(ack(id), reset(0, "two"));
  assert.deepEqual(sockets.last.sent.map((frame) => frame.id), [id, id]);
  room.close();
});

Deno.test("what was acknowledged but not seen goes before what waits, where a new socket begins with a reset", () => {
  const { room, sockets, clock, open } = setUp();
  open();
  const [a, b] = ["a", "b"].map((text) => room.send(text));
  sockets.last.frames(ack(a), refusal("unknown", b));
  sockets.last.drop();
  room.send("c");
  // Longer than the refused one waits before it goes again.
  clock.advance(5_000);
  sockets.last.accept().frames({ ...welcome(0), epoch: "two" }, reset(0, "two"));
  assert.deepEqual(sockets.last.texts, ["a", "b", "c"]);
  room.close();
});

Deno.test("a message of an earlier life that was stored below the position leaves at its acknowledgement", () => {
  const { room, sockets, states } = setUp({
    position: 90,
    epoch: EPOCH,
    outbox: [{
      id: "long-ago",
      message: "long ago",
      created_at: "2026-03-01T08:00:00Z",
      state: "pending",
      unsure: true,
    }],
  });
  sockets.last.accept().frames(welcome(90));
  assert.deepEqual(sockets.last.texts, ["long ago"]);
  sockets.last.frames(ack("long-ago", 7));
  assert.deepEqual(states(), []);
  room.close();
});

Deno.test("a message that a reset has jumped over leaves at its acknowledgement, another waits to be seen", () => {
  const { room, sockets, open, states } = setUp();
  open();
  const [before, after] = ["before", "after"].map((text) => room.send(text));
  sockets.last.drop();
  sockets.last.accept().frames(welcome(600), reset(600, EPOCH));
  assert.deepEqual(sockets.last.texts, ["before", "after"]);
  sockets.last.frames(ack(before, 600), ack(after, 601));
  assert.deepEqual(states(), ["after: sent"]);
  sockets.last.frames(message(601, { id: after!, sender: YOU }));
  assert.deepEqual(states(), []);
  room.close();
});

Deno.test("messages of an earlier life are sent in order, except those that the history has", () => {
  const entry = { created_at: "2026-03-01T08:59:00Z", state: "pending", unsure: true } as const;
  const { room, sockets, open } = setUp({
    outbox: ["x", "y", "z"].map((id) => ({ ...entry, id, message: `text ${id}` })),
  });
  room.seen("x");
  open();
  assert.deepEqual(sockets.last.sent.map(({ id }) => id), ["y", "z"]);
  room.close();
});

Deno.test("a listener that sends from within a change does not disturb the order", () => {
  const { room, sockets, open } = setUp();
  room.on("outbox", (entries) => {
    if (entries.length === 2) room.send("third");
  });
  room.send("first");
  room.send("second");
  open();
  assert.deepEqual(sockets.last.texts, ["first", "second", "third"]);
  room.close();
});
