import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { countExamples, runExamples } from "../support/run_examples.ts";

Deno.test("every example in docs/channels.md runs as it stands", async () => {
  await using db = await createTestDatabase();
  const { code, examples, output } = await runExamples("docs/channels.md", db.url);
  assert.equal(code, 0, output);
  assert.equal(examples, await countExamples("docs/channels.md"), "none is left out");
  assert.ok(examples >= 14, `${examples} examples`);
});

Deno.test("every example in the comments of src/channels runs as it stands", async () => {
  await using db = await createTestDatabase();
  const { code, examples, output } = await runExamples("src/channels", db.url);
  assert.equal(code, 0, output);
  assert.ok(examples >= 13, `${examples} examples`);
});
