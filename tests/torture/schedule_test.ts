import assert from "node:assert/strict";
import { FAULT_NAMES, isFaultName, planFaults } from "./schedule.ts";

Deno.test("the same seed and length plan the same faults, another seed others", () => {
  assert.deepEqual(planFaults(7, 3), planFaults(7, 3));
  assert.notDeepEqual(planFaults(7, 3), planFaults(8, 3));
});

Deno.test("three minutes have every fault, whatever the seed", () => {
  const all = FAULT_NAMES.toSorted();
  for (let seed = 0; seed < 50; seed++) {
    assert.deepEqual([...new Set(planFaults(seed, 3).map(({ fault }) => fault))].sort(), all);
  }
});

Deno.test("one fault alone is planned again and again, and only by a name that there is", () => {
  const planned = planFaults(7, 3, { only: "put back" });
  assert.ok(planned.length > 1);
  assert.deepEqual([...new Set(planned.map(({ fault }) => fault))], ["put back"]);
  assert.ok(isFaultName("put back"));
  assert.ok(!isFaultName("nonsense"));
});
