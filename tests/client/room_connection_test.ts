import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/protocol/codes.ts";
import { RoomConnection, type RoomConnectionOptions } from "../../src/client/mod.ts";
import { FakeSockets } from "./fake_sockets.ts";
import { ack, EPOCH, message, refusal, reset, welcome } from "./frames.ts";
import { ManualClock } from "./manual_clock.ts";

function setUp(options: RoomConnectionOptions = {}) {
  const clock = new ManualClock();
  const sockets = new FakeSockets();
  const network = new EventTarget();
  let ids = 0;
  const room = new RoomConnection("마루", {
    baseUrl: "https://chat.test",
    WebSocket: sockets.WebSocket,
    clock,
    network,
    random: () => 0.5,
    randomUUID: () => `mine-${++ids}`,
    ...options,
  });
  const seen: number[] = [];
  room.on("message", (event) => seen.push(event.position));
  const open = (position = 0) => sockets.last.accept().frames(welcome(position));
  return { clock, sockets, network, room, seen, open };
}

Deno.test("a room is opened by its encoded name, with the protocol of joined frames", () => {
  const { room, sockets } = setUp();
  room.open();
  assert.equal(sockets.last.url, "wss://chat.test/ws/chat/%EB%A7%88%EB%A3%A8/");
  assert.equal(sockets.last.protocols, "maru.v1");
  room.close();
});

Deno.test("a connection begins at the position of the history that is shown", () => {
  const { room, sockets } = setUp({ position: 7, epoch: "a b" });
  room.open();
  assert.match(sockets.last.url, /\?after=7&epoch=a\+b$/);
  room.close();
});

Deno.test("every line of a frame is told, in order", () => {
  const { room, sockets, seen, open } = setUp();
  room.open();
  open();
  sockets.last.frames(message(1), message(2), message(3));
  assert.deepEqual(seen, [1, 2, 3]);
  room.close();
});

Deno.test("what comes twice is told once", () => {
  const { room, sockets, seen, open } = setUp();
  room.open();
  open();
  sockets.last.frames(message(1), message(2));
  sockets.last.frames(message(2), message(1), message(3));
  assert.deepEqual(seen, [1, 2, 3]);
  room.close();
});

Deno.test("a lost socket is resumed at once from the last position", () => {
  const { room, sockets, seen, open } = setUp();
  room.open();
  open(3);
  sockets.last.frames(message(4));
  sockets.last.drop();
  assert.equal(sockets.opened.length, 2);
  assert.match(sockets.last.url, /after=4&epoch=one$/);
  open(4);
  sockets.last.frames(message(5));
  assert.deepEqual(seen, [4, 5]);
  room.close();
});

Deno.test("an acknowledgement does not move the position", () => {
  const { room, sockets, open } = setUp();
  room.open();
  open(3);
  const id = room.send("hello");
  sockets.last.frames(ack(id, 9));
  assert.equal(room.position, 3);
  sockets.last.drop();
  assert.match(sockets.last.url, /after=3&/);
  room.close();
});

Deno.test("tries after the first wait longer and longer, up to a cap", () => {
  const { room, sockets, clock } = setUp();
  room.open();
  sockets.last.drop();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    sockets.last.drop();
    assert.equal(room.status.state, "waiting");
    waits.push((room.status as { retryAt: number }).retryAt - clock.now());
    clock.advance(waits.at(-1)!);
    assert.equal(room.status.state, "connecting");
  }
  assert.deepEqual(waits, [375, 750, 1500, 3000, 6000, 11250, 11250, 11250]);
  room.close();
});

Deno.test("a server that lets in and throws out is not stormed", () => {
  const { room, sockets, open } = setUp();
  room.open();
  open();
  sockets.last.drop(4510);
  open();
  sockets.last.drop(4510);
  assert.equal(room.status.state, "waiting");
  room.close();
});

Deno.test("a try that waits goes at once when the network is back", () => {
  const { room, sockets, network } = setUp();
  room.open();
  sockets.last.drop();
  sockets.last.drop();
  assert.equal(room.status.state, "waiting");
  network.dispatchEvent(new Event("online"));
  assert.equal(sockets.opened.length, 3);
  assert.equal(room.status.state, "connecting");
  room.close();
});

Deno.test("the wait that the server asks for is kept", () => {
  const { room, sockets, clock } = setUp();
  room.open();
  sockets.last.accept().frames(refusal("too_many_sockets", undefined, 30));
  sockets.last.drop(4529);
  assert.equal(sockets.opened.length, 1);
  clock.advance(29_999);
  assert.equal(sockets.opened.length, 1);
  clock.advance(1);
  assert.equal(sockets.opened.length, 2);
  room.close();
});

Deno.test("a socket that never opens is given up", () => {
  const { room, sockets, clock } = setUp();
  room.open();
  clock.advance(9_999);
  assert.equal(sockets.opened.length, 1);
  clock.advance(1);
  assert.equal(sockets.opened[0]!.closedByClient, true);
  assert.equal(sockets.opened.length, 2);
  room.close();
});

Deno.test("a half-open socket is found by its silence after a ping", () => {
  const { room, sockets, clock, open } = setUp();
  room.open();
  open(5);
  clock.advance(20_000);
  assert.deepEqual(sockets.last.sent, [{ type: "ping" }]);
  clock.advance(9_999);
  assert.equal(sockets.opened.length, 1);
  clock.advance(1);
  assert.equal(sockets.opened.length, 2);
  assert.match(sockets.last.url, /after=5&/);
  room.close();
});

Deno.test("when the network changes a dead socket is found within seconds, and a live one is kept", () => {
  const { room, sockets, clock, network, open } = setUp();
  room.open();
  open();
  network.dispatchEvent(new Event("offline"));
  clock.advance(3_000);
  sockets.last.frames({ type: "pong" });
  clock.advance(10_000);
  assert.equal(sockets.opened.length, 1);
  network.dispatchEvent(new Event("offline"));
  clock.advance(2_000);
  room.wake();
  clock.advance(1_999);
  assert.equal(sockets.opened.length, 1);
  clock.advance(1);
  assert.equal(sockets.opened.length, 2, "asking again has not prolonged the wait");
  room.close();
});

Deno.test("pings go on while the server talks, and are enough to keep a quiet room", () => {
  const { room, sockets, clock, open } = setUp();
  room.open();
  open();
  for (let i = 1; i <= 30; i++) {
    clock.advance(5_000);
    sockets.last.frames({ type: "pong" });
  }
  assert.equal(sockets.opened.length, 1);
  assert.equal(sockets.last.sent.length, 7);
  room.close();
});

Deno.test("what a socket says after it was given up is not heard", () => {
  const { room, sockets, clock, seen, open } = setUp();
  room.open();
  open();
  clock.advance(30_000);
  sockets.opened[0]!.frames(message(1));
  sockets.opened[0]!.drop();
  assert.deepEqual(seen, []);
  assert.equal(sockets.opened.length, 2);
  room.close();
});

const VERDICTS: [number, ErrorCode][] = [
  [4400, "bad_frame"],
  [4401, "not_signed_in"],
  [4403, "not_allowed"],
  [4404, "no_such_room"],
  [4413, "frame_too_large"],
  [1009, "frame_too_large"],
];
for (const [closeCode, code] of VERDICTS) {
  Deno.test(`close code ${closeCode} is final, and fails what waits with ${code}`, () => {
    const { room, sockets, clock, open } = setUp();
    room.open();
    open();
    room.send("hello");
    sockets.last.drop(closeCode);
    clock.advance(600_000);
    assert.equal(sockets.opened.length, 1);
    assert.deepEqual(room.status, { state: "closed", code });
    assert.deepEqual(room.outbox.map(({ state, code }) => [state, code]), [["failed", code]]);
    assert.equal(clock.waiting, 0);
  });
}

Deno.test("a final close is explained by the error that came before it", () => {
  const { room, sockets, open } = setUp();
  room.open();
  open();
  sockets.last.frames(refusal("origin_refused"));
  sockets.last.drop(4403);
  assert.deepEqual(room.status, { state: "closed", code: "origin_refused" });
});

Deno.test("after a reset the stream goes on from the new position and epoch", () => {
  const { room, sockets, seen, open } = setUp({ position: 900, epoch: EPOCH });
  const resets: string[] = [];
  room.on("reset", (event) => resets.push(event.reason));
  room.open();
  open(12);
  sockets.last.frames(reset(12, "two"), message(13));
  assert.deepEqual(resets, ["epoch"]);
  assert.deepEqual(seen, [13]);
  sockets.last.drop();
  assert.match(sockets.last.url, /after=13&epoch=two$/);
  room.close();
});

Deno.test("a closed connection leaves no timer and opens nothing", () => {
  const { room, sockets, clock, network, open } = setUp();
  room.open();
  open();
  room.send("waits");
  room.close();
  network.dispatchEvent(new Event("online"));
  sockets.last.drop();
  assert.equal(clock.waiting, 0);
  assert.equal(sockets.opened.length, 1);
  assert.deepEqual(room.status, { state: "closed" });
  assert.equal(room.outbox[0]?.message, "waits");
});

Deno.test("a frame that is no JSON, or of an unknown type, is passed over", () => {
  const { room, sockets, seen, open } = setUp();
  room.open();
  open();
  const data = `nonsense\n{"type":"confetti"}\n\n${JSON.stringify(message(1))}\n`;
  sockets.last.dispatchEvent(new MessageEvent("message", { data }));
  assert.deepEqual(seen, [1]);
  room.close();
});
