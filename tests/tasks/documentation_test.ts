import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createTestDatabase } from "../support/database.ts";
import { countExamples, runExamples } from "../support/run_examples.ts";

Deno.test("every example in docs/tasks.md runs as it stands", async () => {
  await using database = await createTestDatabase();
  const { code, examples, output } = await runExamples("docs/tasks.md", database.url);
  assert.equal(code, 0, output);
  assert.equal(examples, await countExamples("docs/tasks.md"), "none is left out");
  assert.ok(examples >= 7, `${examples} examples`);
});

Deno.test("every example in the comments of src/tasks fits the code", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--doc-only", "src/tasks"],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
