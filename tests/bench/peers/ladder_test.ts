import assert from "node:assert/strict";
import { climb } from "./ladder.ts";

const RATES = [500, 1_000, 2_000, 4_000];

/** A server that holds up to a rate, and the rates that it was tried at, in their order. */
function server(limit: number) {
  const tried: number[] = [];
  const attempt = (rate: number) => {
    tried.push(rate);
    return Promise.resolve({ rate, passed: rate <= limit });
  };
  return { tried, attempt };
}

Deno.test("a ladder stops at the first rate that fails and halves the gap below it", async () => {
  const { tried, attempt } = server(1_600);
  const steps = await climb(RATES, { attempt, bisections: 2 });
  assert.deepEqual(tried, [500, 1_000, 2_000, 1_500, 1_750]);
  assert.deepEqual(steps.map(({ rate }) => rate), [500, 1_000, 1_500, 1_750, 2_000]);
  assert.equal(steps.findLast(({ passed }) => passed)?.rate, 1_500);
});

Deno.test("a ladder whose first rate fails goes down towards nothing", async () => {
  const { tried, attempt } = server(200);
  await climb(RATES, { attempt, bisections: 2 });
  assert.deepEqual(tried, [500, 250, 125]);
});

Deno.test("a ladder that never fails ends at its top", async () => {
  const { tried, attempt } = server(Infinity);
  const steps = await climb(RATES, { attempt });
  assert.deepEqual(tried, RATES);
  assert.ok(steps.every(({ passed }) => passed));
});
