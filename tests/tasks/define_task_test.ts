import assert from "node:assert/strict";
import { z } from "zod";
import { defineTask } from "../../src/tasks/mod.ts";
import { NotJsonError, toJson } from "../../src/tasks/json.ts";

const input = z.object({});
const run = () => null;

Deno.test("a task has settings for what was not said", () => {
  const { settings } = defineTask({ name: "a", input, run });
  assert.deepEqual(settings, {
    retries: 3,
    backoff: { initialMs: 1_000, maxMs: 3_600_000 },
    timeoutMs: 600_000,
    concurrency: 10,
    rateLimit: undefined,
    priority: 0,
    keepResultMs: 86_400_000,
    uniqueKey: undefined,
  });
});

Deno.test("an option that is wrong is named", () => {
  for (const name of ["", "a b", "작업", "a'b", "x".repeat(101)]) {
    assert.throws(() => defineTask({ name, input, run }), /^TypeError: Cannot define task/);
  }
  const wrong: readonly [RegExp, Record<string, unknown>][] = [
    [/retries -1/, { retries: -1 }],
    [/retries 0.5/, { retries: 0.5 }],
    [/timeoutMs 0/, { timeoutMs: 0 }],
    [/timeoutMs 86400000/, { timeoutMs: 86_400_000 }],
    [/concurrency NaN/, { concurrency: NaN }],
    [/priority 0.1/, { priority: 0.1 }],
    [/keepResultMs Infinity/, { keepResultMs: Infinity }],
    [/rateLimit.limit 0/, { rateLimit: { limit: 0, perMs: 1 } }],
    [/rateLimit.perMs -5/, { rateLimit: { limit: 1, perMs: -5 } }],
    [/backoff.initialMs 0/, { backoff: { initialMs: 0 } }],
    [/backoff.maxMs 5/, { backoff: { initialMs: 10, maxMs: 5 } }],
  ];
  for (const [message, options] of wrong) {
    assert.throws(() => defineTask({ name: "a", input, run, ...options }), message);
  }
});

Deno.test("what JSON would change without a word is refused, with its place", () => {
  const cycle: Record<string, unknown> = {};
  cycle["inner"] = [cycle];
  const refused: readonly [unknown, RegExp][] = [
    [() => 1, /^NotJsonError: a function$/],
    [10n, /a bigint/],
    [Symbol("s"), /a symbol/],
    [cycle, /inner\[0\] is a cycle/],
    [{ at: { deep: [1, NaN] } }, /at\.deep\[1\] is NaN/],
    [Infinity, /Infinity/],
    [[undefined], /\[0\] is undefined/],
    [new Map(), /an instance of Map/],
    [{ text: "\0" }, /text is a text with a NUL/],
    [{ "\ud800": 1 }, /a text with a lone surrogate/],
  ];
  for (const [value, message] of refused) {
    assert.throws(() => toJson(value), (error: Error) => {
      assert.ok(error instanceof NotJsonError);
      assert.match(String(error), message);
      return true;
    });
  }
  const shared = { n: 1 };
  assert.equal(toJson({ a: shared, b: shared, gone: undefined }), '{"a":{"n":1},"b":{"n":1}}');
  assert.equal(toJson(undefined), "null");
  assert.equal(toJson(new Date(0)), '"1970-01-01T00:00:00.000Z"');
});
