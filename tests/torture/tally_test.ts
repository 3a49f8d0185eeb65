import assert from "node:assert/strict";
import { FAULT_NAMES } from "./schedule.ts";
import { FaultTally } from "./tally.ts";

Deno.test("a long run must have made every kind of fault, a short one some", () => {
  const tally = new FaultTally();
  for (const fault of FAULT_NAMES) {
    if (fault === "end all") tally.notMade(fault);
    else tally.made(fault);
  }
  assert.deepEqual(tally.violations(9), []);
  assert.deepEqual(tally.violations(10).map(({ detail }) => detail), [
    'never "end all": the run proves nothing about it',
  ]);
  tally.made("end all");
  assert.deepEqual(tally.violations(10), []);
});

Deno.test("a run of one fault must have made that one, whatever its length", () => {
  const tally = new FaultTally();
  tally.notMade("kill");
  assert.equal(tally.violations(1, "kill").length, 1);
  tally.made("kill");
  assert.deepEqual(tally.violations(30, "kill"), []);
  assert.deepEqual(tally.lines(), ["kill: 1 made, 1 not made"]);
});
