import assert from "node:assert/strict";
import { openPostgresBus } from "../../src/channels/mod.ts";
import { KeyWatch } from "../../src/channels/postgres/key_watch.ts";
import { until } from "../support/until.ts";

/** Notes when the keys were loaded; the first so many loads fail. */
function loads({ failing = 0 } = {}) {
  const at: number[] = [];
  return { at, load: () => Promise.resolve(at.push(performance.now()) > failing) };
}

Deno.test("keys are loaded now and then, and no more once it is closed", async () => {
  const { at, load } = loads();
  const watch = new KeyWatch({ load, intervalMs: 50 });
  await until(() => at.length === 2);
  await watch.close();
});

Deno.test("whoever asks gets them at once, then once in a second, however often it is asked", async () => {
  const { at, load } = loads();
  const watch = new KeyWatch({ load });
  watch.ask();
  await until(() => at.length === 1);
  for (let n = 0; n < 100; n++) watch.ask();
  await until(() => at.length === 2);
  assert.ok(at[1]! - at[0]! > 950, `${at[1]! - at[0]!} ms`);
  await watch.close();
  assert.equal(at.length, 2);
});

Deno.test("keys that could not be loaded are asked for again", async () => {
  const { at, load } = loads({ failing: 1 });
  const watch = new KeyWatch({ load });
  watch.ask();
  await until(() => at.length === 2);
  await watch.close();
});

Deno.test("an interval that no timer waits for is refused: it would ring at once, again and again", async () => {
  for (const name of ["keysIntervalMs", "heartbeatIntervalMs"]) {
    for (const ms of [Infinity, 2 ** 31, 0, -1, NaN]) {
      // Refused before anything is opened: nobody listens at this port.
      const opening = openPostgresBus({ url: "postgres://localhost:1/none", [name]: ms });
      await assert.rejects(opening, { name: "RangeError", message: new RegExp(`${name} ${ms}: `) });
    }
  }
});
