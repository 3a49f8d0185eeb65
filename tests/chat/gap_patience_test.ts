import assert from "node:assert/strict";
import {
  BUSY_GAP_GRACE_MS,
  EARLY_GAP_READS,
  GAP_GRACE_MS,
  GapPatience,
} from "../../src/chat/gap_patience.ts";

Deno.test("a lone gap is read after the grace", () => {
  const patience = new GapPatience(() => 0);
  assert.equal(patience.waitMs(0), GAP_GRACE_MS);
  assert.equal(patience.waitMs(GAP_GRACE_MS - 1), 1);
  assert.equal(patience.waitMs(GAP_GRACE_MS), 0);
});

Deno.test("of many gaps a few a second are read early, the others when they have had longer", () => {
  let now = 5_000;
  const patience = new GapPatience(() => now);
  const early = () =>
    Array.from({ length: 100 }, () => patience.waitMs(GAP_GRACE_MS)).filter((ms) => ms === 0)
      .length;
  assert.equal(early(), EARLY_GAP_READS);
  assert.equal(patience.waitMs(GAP_GRACE_MS), BUSY_GAP_GRACE_MS - GAP_GRACE_MS);
  assert.equal(patience.waitMs(BUSY_GAP_GRACE_MS), 0, "late ones are always read");
  now += 999;
  assert.equal(early(), 0);
  now += 1;
  assert.equal(early(), EARLY_GAP_READS);
});
