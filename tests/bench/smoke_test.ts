import assert from "node:assert/strict";

Deno.test("the bench's load arrives once and in order: two instances, a little of everything", async () => {
  await run(["--smoke"]);
});

Deno.test("it does so with three instances, while the database counts what it does for them", async () => {
  const json = await Deno.makeTempFile({ suffix: ".json" });
  await run(["--smoke", "--scale", `--json=${json}`]);
  const { results: [result] } = JSON.parse(await Deno.readTextFile(json));
  await Deno.remove(json);
  assert.equal(result.count, 3);
  const { batches, notifications, walFlushes, connections, cpuMs } = result.database;
  for (const rate of [batches.calls, notifications.rows, walFlushes]) assert.ok(rate > 0);
  assert.ok(batches.rows >= batches.calls && notifications.rows >= notifications.calls);
  assert.ok(connections >= 3 * Object.keys(cpuMs).length);
});

async function run(args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "tests/bench/main.ts", ...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
}
