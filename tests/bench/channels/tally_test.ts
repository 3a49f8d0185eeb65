import assert from "node:assert/strict";
import { Tally } from "./tally.ts";

function tallyOf(numbers: readonly number[]): Tally {
  const tally = new Tally();
  for (const n of numbers) tally.take(0, { from: 0, n });
  return tally;
}

Deno.test("a tally has nothing to say when all came once and in order", () => {
  const tally = tallyOf([1, 2, 3]);
  tally.take(1, { from: 0, n: 1 });
  tally.take(0, { from: 1, n: 1 });
  assert.deepEqual(tally.compare([[3, 1], [1, 0]]), { lost: 0, doubled: 0, disordered: 0 });
  assert.equal(tally.received, 5);
});

Deno.test("a tally counts what is missing, between others, at the end, and of a silent sender", () => {
  assert.deepEqual(tallyOf([1, 3]).compare([[5], [2]]), { lost: 5, doubled: 0, disordered: 0 });
});

Deno.test("a tally tells what came twice from what came late", () => {
  const tally = tallyOf([1, 3, 3, 2, 2, 1]);
  assert.deepEqual(tally.compare([[3]]), { lost: 0, doubled: 3, disordered: 1 });
  assert.equal(tally.received, 3);
});
