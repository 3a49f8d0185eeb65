import assert from "node:assert/strict";

Deno.test("the suite finds what a backend leaks, also where deno.json turns no sanitizer on", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    // The repository's deno.json has them on.
    args: ["test", "--no-config", "--no-lock", "--no-check", "--no-prompt", "--allow-read"]
      .concat("--filter=: 31 ·", "leaking_backends.ts"),
    cwd: new URL("./", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const told = new TextDecoder().decode(stdout);
  const outcomes = told.matchAll(/^(leaks .+): 31 · .* \.\.\. (ok|FAILED) \(/gm);
  assert.deepEqual(
    Object.fromEntries(Array.from(outcomes, ([, name, outcome]) => [name, outcome])),
    {
      "leaks nothing": "ok",
      "leaks a timer": "FAILED",
      "leaks a file": "FAILED",
    },
    told,
  );
  assert.match(told, /intervals were started in this test, but never completed/);
  assert.match(told, /A file was opened during the test, but not closed/);
});
