import assert from "node:assert/strict";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";

/** A clock that was set, and how often it has told of a step since. */
function setUp() {
  let steps = 0;
  const clock = new ServerClock(() => steps++);
  clock.set(0);
  return { clock, steps: () => steps };
}

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 5_000, `${actual} ms, not ${expected}`);

Deno.test("it tells when the server's clock was put forward or back, after it has been set", () => {
  const seen: number[] = [];
  const clock: ServerClock = new ServerClock(() => seen.push(clock.now()));
  // However wrong this machine's own clock is: nobody has gone by it yet.
  clock.set(1_000_000);
  assert.deepEqual(seen, []);
  clock.set(1_060_000);
  clock.set(1_000_000);
  assert.equal(seen.length, 2);
  near(seen[0]!, 1_060_000);
  near(seen[1]!, 1_000_000);
});

Deno.test("a clock that is a little off is set without a word", () => {
  const { clock, steps } = setUp();
  clock.set(10_000);
  near(clock.now(), 10_000);
  assert.equal(steps(), 0);
});

Deno.test("an answer that took long moves it no further than it says", () => {
  const { clock, steps } = setUp();
  const askedAt = performance.now() - 60_000;
  // The server read its clock at any time of the last minute.
  clock.set(-60_000, askedAt);
  near(clock.now(), 0);
  clock.set(0, askedAt);
  near(clock.now(), 0);
  assert.equal(steps(), 0);
  clock.set(-120_000, askedAt);
  near(clock.now(), -60_000);
  clock.set(120_000, askedAt);
  near(clock.now(), 120_000);
  assert.equal(steps(), 2);
});
