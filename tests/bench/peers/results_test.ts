import assert from "node:assert/strict";
import { commonRate, highest, type PeerResult, type Step } from "./results.ts";
import { cpuAtSameRate, judge, rateRanges } from "./targets.ts";

function step(rate: number, passed: boolean, cpuPerDelivery = 1): Step {
  return { rate, passed, cpuPerDelivery, result: { delivery: { p99: 93 } } } as Step;
}

function peer(key: string, pairs: readonly Step[], groups: readonly Step[]): PeerResult {
  return {
    key,
    title: key,
    missing: null,
    steps: { pairs, groups },
    idle: null,
    comeback: null,
    troubles: [],
  };
}

const MARU = peer("maru", [step(500, true), step(20_000, true)], [
  step(100, true, 30),
  step(800, true, 12),
  step(3_200, true, 10),
]);
const SOCKET_IO = peer("socketio-pg", [step(2_000, true), step(4_000, false)], [
  step(100, true, 60),
  step(800, true, 40),
  step(1_200, true, 36),
  step(1_600, false, 50),
]);

Deno.test("the common rate is the highest at which all passed, among those of the ladder", () => {
  const all = [MARU.steps.groups, SOCKET_IO.steps.groups, []];
  assert.equal(commonRate([100, 800, 1_600, 3_200], all), 800);
});

Deno.test("without a rate that all passed, the lowest is shown", () => {
  assert.equal(commonRate([100, 800], [MARU.steps.groups, [step(100, false)]]), 100);
});

Deno.test("a peer's highest rate is one that passed", () => {
  assert.equal(highest(SOCKET_IO.steps.groups)?.rate, 1_200);
  assert.equal(highest([step(100, false)]), null);
});

Deno.test("targets are held against each one's highest rate; what was not measured has no verdict", () => {
  const [rate, rateOfDjango, cpu, cpuOfDjango, memory] = judge({ peers: [MARU, SOCKET_IO] });
  assert.deepEqual([rate!.found, rate!.reached], ["10.0 ×", true]);
  assert.deepEqual([cpu!.found, cpu!.reached], ["1/3.6", true]);
  for (const one of [rateOfDjango!, cpuOfDjango!, memory!]) {
    assert.deepEqual([one.found, one.reached], ["not measured", null]);
  }
});

Deno.test("the proof is held against the rates that it names, in the same run", () => {
  const maru = peer(
    "maru",
    [{ ...step(20_000, true), result: { delivery: { p99: 93 } } } as Step],
    [
      step(3_200, true, 9),
      step(5_000, true, 9),
    ],
  );
  const plain = peer("maru-plain", [], [step(3_200, false, 10)]);
  const relay = peer("relay", [], [step(1_600, true, 8)]);
  const proof = judge({ peers: [maru, plain, relay] }).slice(5);
  assert.deepEqual(proof.map(({ found, reached }) => [found, reached]), [
    ["93 ms", true],
    ["not measured", null],
    ["1.13 ×", true],
    ["1.13 ×", false],
  ]);
});

Deno.test("CPU is compared at the highest rate that both passed, too", () => {
  assert.deepEqual(cpuAtSameRate(MARU, SOCKET_IO), { rate: 800, ratio: 0.3 });
  assert.equal(cpuAtSameRate(MARU, undefined), null);
});

Deno.test("a peer's limit lies between what it passed and what it failed, and so does the ratio", () => {
  const socketIo = peer(
    "socketio-pg",
    [step(4_000, true), step(5_000, false), step(8_000, false)],
    [],
  );
  const django = peer("django", [step(500, true)], []);
  const [range, ...others] = rateRanges({ peers: [MARU, socketIo, django] });
  assert.deepEqual([range!.passed, range!.failed], [4_000, 5_000]);
  assert.deepEqual([range!.low, range!.high, range!.target], [4, 5, 6]);
  assert.deepEqual(others, []);
  assert.deepEqual(rateRanges({ peers: [socketIo] }), []);
});
