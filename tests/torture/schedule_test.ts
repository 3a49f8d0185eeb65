import assert from "node:assert/strict";
import { LANES, planFaults } from "./schedule.ts";

Deno.test("the same seed and length plan the same faults, another seed others", () => {
  assert.deepEqual(planFaults(7, 3), planFaults(7, 3));
  assert.notDeepEqual(planFaults(7, 3), planFaults(8, 3));
});

Deno.test("three minutes have every fault, whatever the seed", () => {
  const all = Object.values(LANES).flat().sort();
  for (let seed = 0; seed < 50; seed++) {
    assert.deepEqual([...new Set(planFaults(seed, 3).map(({ fault }) => fault))].sort(), all);
  }
});
