import assert from "node:assert/strict";
import { AppendQueue, QUEUE_MAX_BYTES, QUEUE_MAX_MESSAGES } from "../../src/chat/append_queue.ts";
import type { Append } from "../../src/chat/append.ts";

function append(text: string): Append {
  return {
    roomId: 1,
    id: crypto.randomUUID(),
    sender: { id: "a", name: "A" },
    text,
    accessVersion: 1,
    settle: () => {},
  };
}

Deno.test("the queue holds 10,000 messages and refuses one more", () => {
  const queue = new AppendQueue();
  for (let i = 0; i < QUEUE_MAX_MESSAGES; i++) assert.ok(queue.push(append("x"), 0));
  assert.equal(queue.push(append("x"), 0), false);
  queue.shift();
  assert.ok(queue.push(append("x"), 0), "room again");
});

Deno.test("the queue holds 16 MiB and refuses more, counted in bytes, not characters", () => {
  const queue = new AppendQueue();
  const text = "가".repeat(8_000);
  let bytes = 0;
  while (queue.push(append(text), 0)) bytes += 24_000;
  assert.ok(bytes > QUEUE_MAX_BYTES * 0.97 && bytes <= QUEUE_MAX_BYTES, `${bytes}`);
  assert.ok(queue.size < 1_000);
});

Deno.test("what goes back to the front comes out first, in its order", () => {
  const queue = new AppendQueue();
  for (const text of ["c", "d"]) queue.push(append(text), 0);
  const other = new AppendQueue();
  for (const text of ["a", "b"]) other.push(append(text), 0);
  const early = [other.peek()!];
  other.shift();
  early.push(other.peek()!);
  queue.unshift(early);
  const order: string[] = [];
  for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
    order.push(next.append.text);
    queue.shift();
  }
  assert.deepEqual(order, ["a", "b", "c", "d"]);
});
