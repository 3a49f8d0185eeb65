import assert from "node:assert/strict";

const ALL_WELL = 7;
const PROGRAM = `
import { openLog } from ${JSON.stringify(new URL("../src/logger.ts", import.meta.url).href)};

let rejections = 0;
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  rejections++;
});
const log = await openLog("info", "one");
log.info("ready");
await Deno.stdin.read(new Uint8Array(1));
for (let n = 0; n < 3; n++) log.warn("nobody reads this");
await log.close();
await new Promise((resolve) => setTimeout(resolve));
Deno.exit(rejections === 0 ? ${ALL_WELL} : 1);
`;

Deno.test("a log that nobody reads any more rejects nothing, which would be logged in turn", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", PROGRAM],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /"ready"/);
  await reader.cancel();
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(1));
  await writer.close();
  assert.equal((await child.status).code, ALL_WELL);
});
