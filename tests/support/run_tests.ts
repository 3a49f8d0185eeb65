/**
 * `deno task test`: starts a PostgreSQL of its own, makes the template database and the page once,
 * runs the tests, and ends with a line of their number.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { connect } from "../../src/db/pool.ts";
import { startEmbeddedPostgres } from "../../src/dev/embedded_postgres.ts";
import { migrateAll } from "../../src/migrate_all.ts";
import { buildPage } from "../../src/ui/build.ts";
import { databaseUrl, TEMPLATE, TEST_SETTINGS } from "./database.ts";

const { code, counts } = await runAll(Deno.args);
const skipped = counts.ignored > 0 ? `, ${counts.ignored} skipped` : "";
console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
Deno.exit(code);

async function runAll(args: readonly string[]) {
  const directory = await Deno.makeTempDir({ prefix: "maru-test-" });
  await Deno.chmod(directory, 0o755);
  try {
    await using server = await startEmbeddedPostgres({ directory, settings: TEST_SETTINGS });
    await makeTemplate(server.url);
    await buildPage({ outdir: "dist" });
    return await runTests(server.url, args);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function makeTemplate(url: string): Promise<void> {
  const admin = connect(url, { name: "maru-test-admin" });
  await admin.unsafe(`create database ${TEMPLATE}`);
  await migrateAll(databaseUrl(url, TEMPLATE));
  await admin.end({ timeout: 1 });
}

async function runTests(url: string, args: readonly string[]) {
  const paths = args.some((arg) => arg.startsWith("tests/")) ? [] : ["tests/"];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--parallel",
      "--no-prompt",
      "--allow-net=127.0.0.1,localhost",
      "--allow-env",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-sys",
      "--allow-ffi=node_modules",
      ...paths,
      ...args,
    ],
    env: { TEST_DATABASE_URL: url, DENO_JOBS: Deno.env.get("DENO_JOBS") ?? "2" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  const { code } = await child.status;
  // The last line of deno test: ok | 12 passed | 0 failed | 1 ignored (3s)
  const summary =
    stripVTControlCharacters(text).split("\n").findLast((line) =>
      /\d+ passed.*\d+ failed/.test(line)
    ) ??
      "";
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
  return {
    code,
    counts: { passed: count("passed"), failed: count("failed"), ignored: count("ignored") },
  };
}
