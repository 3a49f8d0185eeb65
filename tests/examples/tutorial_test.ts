import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { freePort } from "../support/instance.ts";
import { SocketPeer } from "../support/socket_peer.ts";
import { browserTest } from "../e2e/browser.ts";

const TUTORIAL = "examples/tutorial/main.ts";

/** Runs the tutorial's server until disposed. */
async function startTutorial(databaseUrl?: string) {
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-env", "--allow-read", "--allow-sys", TUTORIAL],
    env: {
      PORT: String(port),
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("Listening on");) {
    const { value, done } = await output.read();
    assert.ok(!done, `The tutorial ended: ${text}`);
    text += value;
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await output.cancel();
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Enters a room of the tutorial's. */
async function enter(origin: string, room: string) {
  const peer = await SocketPeer.open(`${origin}/ws/chat/${room}/`);
  return {
    say: (message: string) => peer.send(JSON.stringify({ message })),
    next: async () => JSON.parse(await peer.next() as string).message,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

Deno.test("the tutorial is under 60 lines", async () => {
  let lines = 0;
  for await (const { name } of Deno.readDir("examples/tutorial")) {
    lines += (await Deno.readTextFile(`examples/tutorial/${name}`)).trimEnd().split("\n").length;
  }
  assert.ok(lines < 60, `${lines} lines`);
});

Deno.test("two servers of the tutorial on one PostgreSQL share their rooms", async () => {
  await using db = await createTestDatabase();
  await using seoul = await startTutorial(db.url);
  await using busan = await startTutorial(db.url);
  await using ann = await enter(seoul.origin, "lobby");
  await using ben = await enter(busan.origin, "lobby");
  await using other = await enter(busan.origin, "other");
  ann.say("안녕");
  assert.equal(await ben.next(), "안녕");
  assert.equal(await ann.next(), "안녕");
  ben.say("hello");
  assert.equal(await ann.next(), "hello");
  other.say("only here");
  assert.equal(await other.next(), "only here");
  const refused = await fetch(`${seoul.origin}/ws/chat/lobby/`);
  assert.equal(refused.status, 426);
  await refused.body?.cancel();
});

browserTest("the tutorial's pages chat in a browser", async (browser) => {
  await using server = await startTutorial();
  const ann = await browser.page(`${server.origin}/chat/`);
  await ann.getByLabel("What chat room would you like to enter?").fill("lobby");
  await ann.keyboard.press("Enter");
  await ann.waitForURL("**/chat/lobby/");
  const ben = await browser.page(`${server.origin}/chat/lobby/`);
  await ben.getByLabel("Message").fill("hello");
  await ben.getByRole("button", { name: "Send" }).click();
  await ann.getByText("hello").waitFor();
  await ben.getByText("hello").waitFor();
});
