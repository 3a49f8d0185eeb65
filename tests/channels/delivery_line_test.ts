import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { DeliveryLine } from "../../src/channels/delivery_line.ts";
import { TURN_MESSAGES } from "../../src/channels/mailbox.ts";

/** Waits until the event loop has turned. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("what is more than a turn's worth is delivered in the next ones, once and in order", async () => {
  const count = 2 * TURN_MESSAGES + 500;
  const delivered: unknown[] = [];
  const line = new DeliveryLine((_group, { n }) => {
    delivered.push(n);
    if (n !== 0) return;
    for (let more = 1; more < count; more++) line.push("g", { n: more });
  });
  line.push("g", { n: 0 });
  for (let done = TURN_MESSAGES; done < count; done += TURN_MESSAGES) {
    assert.equal(delivered.length, done);
    await turn();
  }
  line.push("g", { n: count });
  assert.deepEqual(delivered, Array.from({ length: count + 1 }, (_, n) => n));
});

Deno.test("what waits is dropped, also between two turns, and what is pushed afterwards is not", async () => {
  const delivered: unknown[] = [];
  const line = new DeliveryLine((_group, { n }) => {
    delivered.push(n);
    if (n !== "first") return;
    for (let more = 0; more < 2 * TURN_MESSAGES; more++) line.push("g", { n: more });
  });
  line.push("g", { n: "first" });
  line.clear();
  line.push("g", { n: "last" });
  await turn();
  assert.deepEqual(delivered.slice(-2), [TURN_MESSAGES - 2, "last"]);
  assert.equal(delivered.length, TURN_MESSAGES + 1);
});

Deno.test("a delivery that fails leaves the rest to be delivered", async () => {
  const delivered: unknown[] = [];
  const line = new DeliveryLine((_group, { n }) => {
    delivered.push(n);
    if (n !== 1) return;
    line.push("g", { n: 2 });
    throw new Error("broken");
  });
  assert.throws(() => line.push("g", { n: 1 }), /broken/);
  await turn();
  assert.deepEqual(delivered, [1, 2]);
});
