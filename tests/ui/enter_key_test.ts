import assert from "node:assert/strict";
import { EnterKey, type KeyPress } from "../../src/ui/room/enter_key.ts";

function enter(fields: Partial<KeyPress> = {}): KeyPress {
  return {
    key: "Enter",
    keyCode: 13,
    isComposing: false,
    shiftKey: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    timeStamp: 10_000,
    ...fields,
  };
}

Deno.test("Enter sends, another key does not", () => {
  assert.equal(new EnterKey().sends(enter()), true);
  assert.equal(new EnterKey().sends(enter({ key: "a" })), false);
});

Deno.test("Enter with Shift, Ctrl, Alt or Meta does not send", () => {
  for (const key of ["shiftKey", "ctrlKey", "altKey", "metaKey"] as const) {
    assert.equal(new EnterKey().sends(enter({ [key]: true })), false, key);
  }
});

Deno.test("Enter within a composition does not send", () => {
  assert.equal(new EnterKey().sends(enter({ isComposing: true })), false);
  assert.equal(new EnterKey().sends(enter({ keyCode: 229 })), false);
  const key = new EnterKey();
  key.compositionStart();
  assert.equal(key.sends(enter()), false);
});

Deno.test("Safari's Enter, reported after the end of the composition, does not send; the next does", () => {
  const key = new EnterKey();
  key.compositionStart();
  key.compositionEnd(9_998);
  assert.equal(key.sends(enter({ timeStamp: 10_000 })), false);
  assert.equal(key.sends(enter({ timeStamp: 10_010 })), true);
});

Deno.test("Chrome's second Enter on macOS in Korean sends, since the first was marked", () => {
  const key = new EnterKey();
  key.compositionStart();
  assert.equal(key.sends(enter({ isComposing: true, keyCode: 229, timeStamp: 9_995 })), false);
  key.compositionEnd(9_998);
  assert.equal(key.sends(enter({ timeStamp: 10_000 })), true);
});

Deno.test("Enter some time after a composition sends", () => {
  const key = new EnterKey();
  key.compositionStart();
  key.compositionEnd(9_000);
  assert.equal(key.sends(enter({ timeStamp: 10_000 })), true);
});

Deno.test("a marked Enter of an earlier composition does not excuse a later one", () => {
  const key = new EnterKey();
  key.compositionStart();
  key.sends(enter({ isComposing: true, timeStamp: 5_000 }));
  key.compositionEnd(5_001);
  key.compositionStart();
  key.compositionEnd(9_998);
  assert.equal(key.sends(enter({ timeStamp: 10_000 })), false);
});
