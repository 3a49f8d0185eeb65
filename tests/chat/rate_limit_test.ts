import assert from "node:assert/strict";
import { RateLimit } from "../../src/chat/rate_limit.ts";

Deno.test("a burst goes at once, then so many a second; each key for itself", () => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 5, burst: 3 }, () => now);
  assert.deepEqual([1, 2, 3].map(() => limit.take("a")), [0, 0, 0]);
  assert.equal(limit.take("a"), 0.2);
  assert.equal(limit.take("b"), 0);
  now = 199;
  assert.ok(limit.take("a") > 0);
  now = 200;
  assert.equal(limit.take("a"), 0);
  now = 1_000_000;
  assert.deepEqual([1, 2, 3, 4].map(() => limit.take("a") === 0), [true, true, true, false]);
});

Deno.test("a rate of 0 turns the limit off", () => {
  const limit = new RateLimit({ perSecond: 0, burst: 1 });
  for (let i = 0; i < 1_000; i++) assert.equal(limit.take("a"), 0);
});
