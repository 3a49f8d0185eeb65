import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { Mailboxes } from "../../src/channels/mailboxes.ts";

function mailboxes(now: () => number = () => 0): Mailboxes {
  return new Mailboxes(() => 10, now);
}

Deno.test("a mailbox is forgotten when the last message is taken, whoever came first", async () => {
  const all = mailboxes();
  all.put("a", { n: 1 }, 100);
  all.put("a", { n: 2 }, 100);
  await all.take("a");
  assert.equal(all.empty, false);
  await all.take("a");
  assert.equal(all.empty, true);
  const waiting = all.take("a");
  assert.equal(all.empty, false);
  all.put("a", { n: 3 }, 100);
  await waiting;
  assert.equal(all.empty, true);
});

Deno.test("a mailbox is forgotten when its reader gives up or its handler leaves", async () => {
  const all = mailboxes();
  const cancel = new AbortController();
  const waiting = all.take("a", cancel.signal);
  cancel.abort();
  await assert.rejects(waiting);
  assert.equal(all.empty, true);
  all.handle("a", () => {});
  all.put("a", { n: 1 }, 100);
  assert.equal(all.empty, false);
  all.unhandle("a");
  assert.equal(all.empty, true);
});

Deno.test("a mailbox whose messages have all expired is swept, and they stay counted", () => {
  let now = 0;
  const all = mailboxes(() => now);
  all.put("a", { n: 1 }, 100);
  all.put("b", { n: 1 }, 200);
  now = 150;
  all.sweep();
  assert.deepEqual([all.expired, all.empty], [1, false]);
  now = 250;
  all.sweep();
  assert.deepEqual([all.expired, all.empty], [2, true]);
  all.put("c", { n: 1 }, 300);
  all.clear();
  assert.equal(all.empty, true);
});

Deno.test("what expired stays counted when all ends", async () => {
  let now = 0;
  const all = mailboxes(() => now);
  for (const channel of ["a", "b"]) all.put(channel, { n: 1 }, 100);
  now = 150;
  const reason = new Error("ends");
  const waiting = assert.rejects(all.take("a"), reason);
  assert.equal(all.expired, 1);
  all.end(reason);
  await waiting;
  assert.deepEqual([all.expired, all.empty], [1, true]);
});

Deno.test("what comes while a handler has had its turn is handled in the next one, all of it", async () => {
  const all = mailboxes();
  let handled = 0;
  const last = Promise.withResolvers<void>();
  all.handle("a", (message) => {
    handled++;
    if (message["again"]) all.put("a", { again: false }, 100);
    if (handled === 6_000) last.resolve();
  });
  // More than a turn's worth of what waits, and far more than the capacity afterwards.
  for (let n = 0; n < 3_000; n++) all.put("a", { again: true }, 100);
  assert.ok(handled < 6_000);
  await last.promise;
});

Deno.test("a handler that is at work for long enough has a turn of its own each time", async () => {
  const all = mailboxes();
  let handled = 0;
  all.handle("a", (message) => {
    handled++;
    if (message["again"]) all.put("a", { again: false }, 100);
  });
  for (let turn = 0; turn < 3; turn++) {
    for (let n = 0; n < 999; n++) all.put("a", { again: true }, 100);
    assert.equal(handled, 1_998 * (turn + 1), "nothing is put aside");
    await new Promise((resolve) => setImmediate(resolve));
  }
});
