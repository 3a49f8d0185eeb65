import assert from "node:assert/strict";

Deno.test("the channel bench hears all that it sends, once and in order", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", "tests/bench/channels/main.ts", "--smoke"],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text + new TextDecoder().decode(stderr));
  for (const carrier of ["layer", "awaited", "pipelined"]) {
    assert.match(text, new RegExp(`^${carrier}, 100 bytes: [1-9]\\d* sent, 0 lost`, "m"));
    assert.match(text, new RegExp(`^${carrier}, 20480 bytes: [1-9]\\d* sent, 0 lost`, "m"));
  }
});
