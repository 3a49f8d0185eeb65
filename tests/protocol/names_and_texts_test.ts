import assert from "node:assert/strict";
import { parseRoomName } from "../../src/protocol/room_name.ts";
import { messageTextError, parsePersonName } from "../../src/protocol/text.ts";

Deno.test("a room's name is normalised, and compared without case", () => {
  assert.deepEqual(parseRoomName("마루".normalize("NFD")), { name: "마루", key: "마루" });
  assert.equal(parseRoomName("Straße")!.key, parseRoomName("STRASSE")!.key);
  assert.equal(parseRoomName("ΣΊΣΥΦΟΣ")!.key, parseRoomName("σίσυφος")!.key);
  for (const good of ["a", "123", "a-b_c", "हिन्दी", "١٢٣", "x".repeat(100), "𠮷".repeat(100)]) {
    assert.ok(parseRoomName(good), good);
  }
  for (
    const bad of [
      "",
      "x".repeat(101),
      "𠮷".repeat(101),
      "a b",
      "a/b",
      "..",
      "a.b",
      "\u0000",
      "a\ud800",
      "👍",
      "a\u200d",
    ]
  ) {
    assert.equal(parseRoomName(bad), null, bad);
  }
});

Deno.test("a message is at most 8,000 code points, not blank, well-formed", () => {
  assert.equal(messageTextError("x".repeat(8_000)), null);
  assert.equal(messageTextError("x".repeat(8_001)), "message_too_long");
  assert.equal(messageTextError("𠮷".repeat(8_000)), null);
  assert.equal(messageTextError("𠮷".repeat(8_001)), "message_too_long");
  assert.equal(messageTextError("\u00a0\n"), "message_empty");
  assert.equal(messageTextError("\0"), "message_ill_formed");
  assert.equal(messageTextError("\udc00"), "message_ill_formed");
});

Deno.test("a person's name is folded, bounded, and cannot hide characters", () => {
  assert.equal(parsePersonName("  Ann   Lee "), "Ann Lee");
  assert.equal(parsePersonName("x".repeat(40))!.length, 40);
  assert.equal(parsePersonName("x".repeat(41)), null);
  assert.equal(parsePersonName("👩‍👩‍👧"), "👩‍👩‍👧");
  for (const bad of ["", " ", "a\u202eb", "a\u200bb", "\u0007"]) {
    assert.equal(parsePersonName(bad), null);
  }
});
