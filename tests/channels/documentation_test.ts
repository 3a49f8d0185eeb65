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

Deno.test("the quick start's import map has each package of src/channels, in the version tried here", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  const imports = (text: string): Record<string, string> => JSON.parse(text).imports;
  const [example] = (await read("docs/channels.md")).match(/(?<=^```json\n)[^]*?(?=^```)/m) ?? [];
  const shown = Object.entries(imports(example ?? assert.fail("there is no import map")));
  const packages = shown.filter(([name]) => !name.startsWith("maru/"));
  const ours = imports(await read("deno.json"));
  assert.deepEqual(packages, packages.map(([name]) => [name, ours[name]]));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/channels/mod.ts"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assert.equal(code, 0);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { local?: string; dependencies?: { specifier: string }[] }[];
  };
  const used = modules.flatMap(({ dependencies = [] }) => dependencies)
    .map(({ specifier }) => specifier)
    .filter((specifier) => !/^(\.|node:)/.test(specifier))
    .map((specifier) => specifier.split("/")[0]!);
  assert.deepEqual([...new Set(used)].sort(), packages.map(([name]) => name).sort());
});

Deno.test("every example in the comments of src/channels runs as it stands", async () => {
  await using db = await createTestDatabase();
  const { code, examples, output } = await runExamples("src/channels", db.url);
  assert.equal(code, 0, output);
  assert.ok(examples >= 13, `${examples} examples`);
});
