import assert from "node:assert/strict";
import { Draft } from "../../src/ui/room/draft.ts";
import { MemoryStore, message, MINJI } from "./messages.ts";

Deno.test("a draft and the message that it answers survive a reload, room by room", () => {
  const store = new MemoryStore();
  const draft = new Draft(store, "lobby");
  draft.write("half a thought");
  draft.answer(message(12, { message: "어디서 볼까?" }));
  const again = new Draft(store, "lobby");
  assert.equal(again.text.value, "half a thought");
  assert.deepEqual(again.answers.value, { seq: 12, name: MINJI.name, text: "어디서 볼까?" });
  const other = new Draft(store, "other");
  assert.equal(other.text.value, "");
  assert.equal(other.answers.value, null);
});

Deno.test("a draft can go on without the message that it answered", () => {
  const store = new MemoryStore();
  const draft = new Draft(store, "lobby");
  draft.write("half a thought");
  draft.answer(message(12));
  draft.answer(null);
  assert.equal(draft.answers.value, null);
  assert.equal(new Draft(store, "lobby").answers.value, null);
  assert.equal(draft.text.value, "half a thought");
});

Deno.test("a draft that was sent leaves nothing behind", () => {
  const store = new MemoryStore();
  const draft = new Draft(store, "lobby");
  draft.write("half a thought");
  draft.answer(message(12));
  draft.clear();
  assert.equal(draft.text.value, "");
  assert.equal(draft.answers.value, null);
  assert.equal(store.values.size, 0);
});

Deno.test("a long message is kept by its beginning only", () => {
  const store = new MemoryStore();
  new Draft(store, "lobby").answer(message(12, { message: "가".repeat(8_000) }));
  assert.equal(new Draft(store, "lobby").answers.value?.text, `${"가".repeat(80)}…`);
});

Deno.test("what is damaged in the store is passed over", () => {
  for (
    const damaged of ["{", "null", "12", '{"seq": "12", "name": "x", "text": ""}', '{"seq": 1}']
  ) {
    const store = new MemoryStore();
    new Draft(store, "lobby").answer(message(12));
    for (const key of store.values.keys()) store.set(key, damaged);
    assert.equal(new Draft(store, "lobby").answers.value, null, damaged);
  }
});
