import assert from "node:assert/strict";
import { Reading } from "../../src/ui/room/reading.ts";

Deno.test("what arrives at the end of a page that is seen is not counted", () => {
  const reading = new Reading();
  reading.arrived(false);
  assert.equal(reading.unseen.value, 0);
});

Deno.test("what arrives below the view is counted until the end is reached; one's own is not", () => {
  const reading = new Reading();
  reading.moved(false);
  reading.arrived(false);
  reading.arrived(true);
  reading.arrived(false);
  assert.equal(reading.unseen.value, 2);
  reading.moved(true);
  assert.equal(reading.unseen.value, 0);
});

Deno.test("what arrives while the page is hidden is counted until it is shown", () => {
  const reading = new Reading();
  reading.shown(false);
  reading.arrived(false);
  reading.moved(true);
  assert.equal(reading.unseen.value, 1);
  reading.shown(true);
  assert.equal(reading.unseen.value, 0);
});
