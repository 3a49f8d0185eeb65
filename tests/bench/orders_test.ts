import assert from "node:assert/strict";
import { compareOrders } from "./orders.ts";

Deno.test("members who saw the same order do not differ, whatever some of them have missed", () => {
  const { doubled, differs } = compareOrders([[1, 2, 4], [1, 2, 3, 4], [2, 4]]);
  assert.equal(doubled, 0);
  assert.deepEqual(differs, [false, false, false]);
});

Deno.test("a member who saw another order than the first differs", () => {
  assert.deepEqual(compareOrders([[1, 2, 3], [1, 3, 2], [1, 2, 3]]).differs, [false, true, false]);
});

Deno.test("what a member receives again is doubled, and no matter of order", () => {
  const { doubled, differs } = compareOrders([[1, 2, 1], [1, 1, 1, 2]]);
  assert.equal(doubled, 3);
  assert.deepEqual(differs, [false, false]);
});
