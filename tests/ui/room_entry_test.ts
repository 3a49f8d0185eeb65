import assert from "node:assert/strict";
import { readRoomEntry } from "../../src/ui/lobby/room_entry.ts";
import { roomHref, routeOf } from "../../src/ui/route.ts";

Deno.test("a name is read without the space around it", () => {
  assert.deepEqual(readRoomEntry(" 마루 "), { kind: "name", name: { name: "마루", key: "마루" } });
  assert.deepEqual(readRoomEntry("  "), { kind: "empty" });
});

Deno.test("for what is no name the nearest one is suggested", () => {
  assert.deepEqual(readRoomEntry("점심 뭐 먹지?"), {
    kind: "invalid",
    suggestion: "점심-뭐-먹지",
  });
  assert.deepEqual(readRoomEntry("a".repeat(101)), {
    kind: "invalid",
    suggestion: "a".repeat(100),
  });
  assert.deepEqual(readRoomEntry("!!!"), { kind: "invalid" });
});

Deno.test("a room's address leads to the room", () => {
  for (const room of ["lobby", "마루", "Straße-1_2"]) {
    assert.deepEqual(routeOf(roomHref(room)), { page: "room", room });
  }
  assert.deepEqual(routeOf("/chat/lobby"), { page: "room", room: "lobby" });
});

Deno.test("two spellings of one Hangul lead to one room", () => {
  assert.deepEqual(
    routeOf(roomHref("마루".normalize("NFD"))),
    routeOf(roomHref("마루".normalize("NFC"))),
  );
});

Deno.test("an address that names no room leads to the lobby", () => {
  for (const path of ["/chat/", "/chat", "/chat/a/b/", "/chat/%ff/", "/chat/a%20b/", "/chat/../"]) {
    assert.deepEqual(routeOf(path), { page: "lobby" }, path);
  }
});
