import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createTestDatabase } from "../support/database.ts";

/** Runs every example of a Markdown file or of the doc comments in a folder, on a database. */
async function runExamples(path: string, databaseUrl: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--no-prompt", "--allow-net", "--allow-env", "--allow-read", path],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { DATABASE_URL: databaseUrl, NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout);
  // An example is a module of its own: running 1 test from ./docs/channels.md#58-68.ts
  const examples = output.match(/^running [1-9]\d* tests? from \S+#\d+-\d+\.ts$/gm) ?? [];
  const failed = `${output}${new TextDecoder().decode(stderr)}`;
  return { code, examples: examples.length, failed };
}

Deno.test("every example in docs/channels.md runs as it stands", async () => {
  await using db = await createTestDatabase();
  const { code, examples, failed } = await runExamples("docs/channels.md", db.url);
  assert.equal(code, 0, failed);
  const text = await Deno.readTextFile(new URL("../../docs/channels.md", import.meta.url));
  assert.equal(examples, text.match(/^```ts/gm)!.length, "none is left out");
  assert.ok(examples >= 14, `${examples} examples`);
});

Deno.test("every example in the comments of src/channels runs as it stands", async () => {
  await using db = await createTestDatabase();
  const { code, examples, failed } = await runExamples("src/channels", db.url);
  assert.equal(code, 0, failed);
  assert.ok(examples >= 13, `${examples} examples`);
});
