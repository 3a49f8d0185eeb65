import { fileURLToPath } from "node:url";

/** What became of the examples of a document, or of the comments in a folder. */
export interface ExampleRun {
  readonly code: number;
  /** How many have run. */
  readonly examples: number;
  /** All that was written, to be shown when something failed. */
  readonly output: string;
}

/** Runs every example of a Markdown file or of the doc comments in a folder, on a database. */
export async function runExamples(path: string, databaseUrl: string): Promise<ExampleRun> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--no-prompt", "--allow-net", "--allow-env", "--allow-read", path],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { DATABASE_URL: databaseUrl, NO_COLOR: "1" },
  }).output();
  const told = new TextDecoder().decode(stdout);
  // An example is a module of its own: running 1 test from ./docs/channels.md#58-68.ts
  const examples = told.match(/^running [1-9]\d* tests? from \S+#\d+-\d+\.ts$/gm) ?? [];
  return { code, examples: examples.length, output: told + new TextDecoder().decode(stderr) };
}

/** How many examples a Markdown file has. */
export async function countExamples(path: string): Promise<number> {
  const text = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  return text.match(/^```ts/gm)?.length ?? 0;
}
