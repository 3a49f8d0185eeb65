import assert from "node:assert/strict";
import { StoredOutbox } from "../../src/ui/room/stored_outbox.ts";
import { entry, MemoryStore } from "./messages.ts";

Deno.test("what is pending or failed survives a reload, what is sent need not", () => {
  const store = new MemoryStore();
  const outbox = new StoredOutbox(store, "lobby", "me");
  const [a, b, c] = [
    entry("a"),
    entry("b", { state: "failed", code: "not_allowed" }),
    entry("c", { state: "sent" }),
  ];
  outbox.save([a, b, c]);
  assert.deepEqual(new StoredOutbox(store, "lobby", "me").load(), [a, b]);
});

Deno.test("one person's messages are not sent by another, nor in another room", () => {
  const store = new MemoryStore();
  new StoredOutbox(store, "lobby", "me").save([entry("a")]);
  assert.deepEqual(new StoredOutbox(store, "lobby", "you").load(), []);
  assert.deepEqual(new StoredOutbox(store, "other", "me").load(), []);
});

Deno.test("an empty outbox leaves nothing behind", () => {
  const store = new MemoryStore();
  const outbox = new StoredOutbox(store, "lobby", "me");
  outbox.save([entry("a")]);
  outbox.save([entry("a", { state: "sent" })]);
  assert.equal(store.values.size, 0);
});

Deno.test("what is damaged in the store is passed over", () => {
  const store = new MemoryStore();
  const outbox = new StoredOutbox(store, "lobby", "me");
  outbox.save([entry("a")]);
  const [key] = store.values.keys();
  store.set(
    key!,
    JSON.stringify([
      null,
      1,
      { id: "x" },
      entry("good", { reply_to: 7 }),
      entry("y", { created_at: "?" }),
      { ...entry("z"), reply_to: "7" },
    ]),
  );
  assert.deepEqual(outbox.load(), [entry("good", { reply_to: 7 })]);
  store.set(key!, "{");
  assert.deepEqual(outbox.load(), []);
});
