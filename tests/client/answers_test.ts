import assert from "node:assert/strict";
import {
  historyBody,
  meBody,
  postedBody,
  problemBody,
  roomBody,
  roomListBody,
} from "../../src/protocol/bodies.ts";
import type { HistoryPage, Me, Posted, Problem, Room, RoomList } from "../../src/client/mod.ts";

// The client states the bodies without zod, so that whoever uses it does not need it. These are
// type-checked against the client's words and parsed by the server's schemas.
const at = "2026-03-01T09:30:00.000000Z";
const me: Me = { id: "1", name: "민지", guest: true };
const room: Room = { name: "lobby", created_at: at, last_seq: 0, last_message_at: null };
const rooms: RoomList = { rooms: [room], next: null };
const message = {
  position: 1,
  seq: 1,
  version: 1,
  id: "1",
  message: "hi",
  sender: { id: "1", name: "민지" },
  created_at: at,
  reply_to: 1,
  edited_at: at,
  deleted_at: at,
};
const history: HistoryPage = {
  messages: [message],
  position: 1,
  epoch: "one",
  first_seq: 1,
  last_seq: 1,
};
const posted: Posted = { id: "1", seq: 1, position: 1, created_at: at };
const problem: Problem = {
  type: "about:blank",
  title: "Bad Request",
  status: 400,
  detail: "No",
  code: "invalid",
  retry: false,
  errors: [{ field: "name", message: "No" }],
};

Deno.test("the client and the server mean the same bodies, to the last field", () => {
  assert.deepEqual(meBody.strict().parse(me), me);
  assert.deepEqual(roomBody.strict().parse(room), room);
  assert.deepEqual(roomListBody.strict().parse(rooms), rooms);
  assert.deepEqual(historyBody.strict().parse(history), history);
  assert.deepEqual(historyBody.shape.messages.element.strict().parse(message), message);
  assert.deepEqual(postedBody.strict().parse(posted), posted);
  assert.deepEqual(problemBody.strict().parse(problem), problem);
});
