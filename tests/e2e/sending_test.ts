import assert from "node:assert/strict";
import type { WebSocketRoute } from "playwright-core";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

browserTest(
  "a message that the server refuses for good says so, and can be sent again",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const taken = crypto.randomUUID();
    const other = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
    await other.page.evaluate((id) =>
      fetch("/api/rooms/lobby/messages", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, message: "was there first" }),
      }), taken);

    const person = await browser.person();
    await person.addInitScript((id) => {
      // The empty page before the first has neither.
      if (location.protocol !== "http:") return;
      const random = crypto.randomUUID.bind(crypto);
      crypto.randomUUID = () => {
        if (sessionStorage.getItem("taken")) return random();
        sessionStorage.setItem("taken", "yes");
        return id as ReturnType<typeof random>;
      };
    }, taken);
    const screen = await RoomScreen.open(person, instance.origin, "lobby");
    await screen.say("mine");
    const failed = screen.messages("failed");
    await failed.waitFor();
    assert.match(await failed.innerText(), /Not sent: It was mixed up with another message/);
    await screen.page.reload();
    await screen.connected();
    await failed.getByRole("button", { name: "Send again" }).click();
    assert.deepEqual(await screen.settled(2), ["was there first", "mine"]);
    assert.deepEqual(await other.settled(2), ["was there first", "mine"]);
  },
);

browserTest("a failed message can be discarded", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const person = await browser.person();
  await person.addInitScript(() => {
    crypto.randomUUID = () => "00000000-0000-4000-8000-000000000000";
  });
  const screen = await RoomScreen.open(person, instance.origin, "lobby");
  await screen.say("first");
  await screen.settled(1);
  await screen.say("second");
  await screen.messages("failed").getByRole("button", { name: "Discard" }).click();
  assert.deepEqual(await screen.settled(1), ["first"]);
});

for (const lost of ["on the way to the server", "on the way back"] as const) {
  browserTest(
    `messages lost ${lost} go again after a reload, and are stored once`,
    async (browser) => {
      await using database = await createTestDatabase();
      await using instance = await startInstance({ databaseUrl: database.url });
      const person = await browser.person();
      // A network that swallows, in one direction, all but the greeting.
      let broken = true;
      await person.routeWebSocket(/\/ws\/chat\//, (route: WebSocketRoute) => {
        const server = route.connectToServer();
        route.onMessage((data) => {
          if (!broken || lost === "on the way back") server.send(data);
        });
        server.onMessage((data) => {
          const greeting = String(data).includes('"welcome"');
          if (greeting || !broken || lost === "on the way to the server") route.send(data);
        });
      });
      const screen = await RoomScreen.open(person, instance.origin, "lobby");
      await screen.say("one");
      await screen.say("two");
      assert.equal(await screen.messages("pending").count(), 2);
      await screen.messages("pending").first().getByText("Sending").waitFor();
      if (lost === "on the way back") {
        await screen.page.waitForFunction(async () => {
          const response = await fetch("/api/rooms/lobby/messages");
          return (await response.json()).messages.length === 2;
        });
      }
      broken = false;
      await screen.page.reload();
      await screen.connected();
      await screen.say("three");
      assert.deepEqual(await screen.settled(3), ["one", "two", "three"]);
      const other = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
      assert.deepEqual(await other.settled(3), ["one", "two", "three"]);
    },
  );
}

browserTest(
  "somebody without a network is told so, and what they write is sent when it is back",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const person = await browser.person();
    const screen = await RoomScreen.open(person, instance.origin, "lobby");
    await person.setOffline(true);
    await screen.say("into the void");
    await screen.banner.getByText("You are offline. 1 message waits").waitFor();
    await screen.messages("pending").getByText("Waiting").waitFor();
    await person.setOffline(false);
    assert.deepEqual(await screen.settled(1), ["into the void"]);
    await screen.banner.waitFor({ state: "detached" });
  },
);

browserTest("messages faster than the rate wait, and all arrive in order", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({
    databaseUrl: database.url,
    env: { MESSAGE_RATE: "5", MESSAGE_BURST: "5" },
  });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  const texts = Array.from({ length: 15 }, (_, n) => `quick ${n}`);
  for (const text of texts) await screen.say(text);
  assert.deepEqual(await screen.settled(texts.length), texts);
});
