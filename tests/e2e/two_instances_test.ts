import assert from "node:assert/strict";
import { PrivateServer } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

browserTest(
  "two pages on two instances talk both ways through the death of an instance and of PostgreSQL",
  async (browser) => {
    await using postgres = await PrivateServer.start();
    const databaseUrl = postgres.url;
    await using one = await startInstance({ databaseUrl });
    await using two = await startInstance({ databaseUrl });
    const left = await RoomScreen.open(await browser.person(), one.origin, "마루");
    const right = await RoomScreen.open(await browser.person(), two.origin, "마루");
    const expected: string[] = [];
    const both = async (texts: string[]) => {
      // In one room there is one order; what two people say at once may come either way round.
      const order = await left.settled(expected.length + texts.length);
      assert.deepEqual(await right.settled(order.length), order);
      assert.deepEqual(order.slice(0, expected.length), expected);
      assert.deepEqual(order.slice(expected.length).sort(), texts.sort());
      expected.push(...order.slice(expected.length));
      return expected;
    };

    await left.say("왼쪽에서 안녕");
    await both(["왼쪽에서 안녕"]);
    await right.say("hello from the right");
    await both(["hello from the right"]);

    one.signal("SIGKILL");
    await one.exited;
    await left.banner.waitFor();
    await left.say("left 1, while its instance is dead");
    await left.say("left 2, while its instance is dead");
    await right.say("right, while the other instance is dead");
    assert.equal(await left.messages("pending").count(), 2);
    assert.match(await left.banner.innerText(), /2 messages wait/);
    await right.settled(3);

    await using again = await startInstance({ databaseUrl, port: one.port });
    await both([
      "left 1, while its instance is dead",
      "left 2, while its instance is dead",
      "right, while the other instance is dead",
    ]);
    const own = expected.filter((text) => text.startsWith("left"));
    assert.deepEqual(own, own.toSorted(), "one person's messages keep their order");
    assert.ok(again.pid !== one.pid);

    await postgres.stop("immediate");
    await left.say("left, without a database");
    await right.say("right, without a database");
    assert.equal(await left.messages("pending").count(), 1);
    await postgres.restart();
    await both(["left, without a database", "right, without a database"]);

    await left.say("and live again");
    await both(["and live again"]);
    await left.page.reload();
    await left.connected();
    assert.deepEqual(await left.settled(expected.length), expected);
  },
);

browserTest("a page that was away for long shows the newest messages", async (browser) => {
  await using postgres = await PrivateServer.start();
  const databaseUrl = postgres.url;
  const env = { MESSAGE_RATE: "0" };
  await using one = await startInstance({ databaseUrl, env });
  await using two = await startInstance({ databaseUrl, env });
  const left = await RoomScreen.open(await browser.person(), one.origin, "lobby");
  const right = await RoomScreen.open(await browser.person(), two.origin, "lobby");
  await left.say("before");
  await right.settled(1);
  one.signal("SIGKILL");
  await one.exited;
  await right.page.evaluate(async () => {
    const post = (n: number) =>
      fetch("/api/rooms/lobby/messages", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id: crypto.randomUUID(), message: `missed ${n}` }),
      });
    for (let n = 0; n < 600; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, k) => post(n + k)));
    }
  });
  await left.say("written meanwhile");
  await using _again = await startInstance({ databaseUrl, port: one.port, env });
  await left.page.locator('[data-seq="602"]').waitFor();
  const shown = await left.stored();
  assert.deepEqual(
    shown.map(({ seq }) => seq),
    Array.from({ length: shown.length }, (_, n) => 602 - shown.length + 1 + n),
  );
  assert.equal(shown.at(-1)?.text, "written meanwhile");
  assert.equal(await left.messages("pending").count(), 0);
});
