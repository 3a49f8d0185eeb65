import assert from "node:assert/strict";
import type { BrowserContext } from "playwright-core";
import type { Sql } from "../../src/db/pool.ts";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

const env = { MESSAGE_RATE: "0" };

/** Fills a room as its members would, some of them with a lot to say. */
async function fill(person: BrowserContext, origin: string, count: number): Promise<void> {
  await person.request.get(`${origin}/api/me`);
  await person.request.post(`${origin}/api/rooms`, { data: { name: "lobby" } });
  for (let n = 1; n <= count; n++) {
    const data = { id: crypto.randomUUID(), message: `text ${n}${" and more".repeat(n % 7 * 12)}` };
    const response = await person.request.post(`${origin}/api/rooms/lobby/messages`, { data });
    assert.equal(response.ok(), true);
  }
}

browserTest("history loads upwards without a jump of what is being read", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url, env });
  await fill(await browser.person(), instance.origin, 170);
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  const first = async () => (await screen.stored())[0]!.seq;
  assert.equal(await first(), 121);

  // The view is moved to just where loading begins, and the place of a message is measured in the
  // same frame and in every frame until the page before is there.
  for (const before of [121, 71]) {
    const drift = await screen.page.evaluate(async (before) => {
      const view = document.querySelector<HTMLElement>("[role=log]")!;
      const row = document.querySelector<HTMLElement>(`[data-seq="${before + 3}"]`)!;
      view.scrollTop = 300;
      const place = row.getBoundingClientRect().top;
      let drift = 0;
      for (let frame = 0; frame < 600; frame++) {
        await new Promise(requestAnimationFrame);
        drift = Math.max(drift, Math.abs(row.getBoundingClientRect().top - place));
        if (document.querySelector(`[data-seq="${before - 50}"]`)) break;
      }
      await new Promise(requestAnimationFrame);
      return Math.max(drift, Math.abs(row.getBoundingClientRect().top - place));
    }, before);
    assert.equal(await first(), before - 50);
    assert.ok(drift < 1, `the message moved by ${drift} pixels`);
  }

  await screen.log.focus();
  await screen.page.keyboard.press("Home");
  await screen.page.getByText("This is where lobby begins.").waitFor();
  await screen.settled(170);
});

browserTest(
  "new messages do not move somebody who reads further up, and are counted",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url, env });
    await fill(await browser.person(), instance.origin, 60);
    const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
    const other = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
    const place = () =>
      screen.page.evaluate(() => {
        const view = document.querySelector<HTMLElement>("[role=log]")!;
        return [view.scrollTop, view.scrollHeight - view.scrollTop - view.clientHeight];
      });
    await screen.page.evaluate(() => document.querySelector("[role=log]")!.scrollBy(0, -1500));
    const button = screen.page.getByRole("button", { name: "To the newest" });
    await button.waitFor();
    const [top] = await place();

    await other.say("one");
    await other.say("two");
    const count = screen.page.getByRole("button", { name: "2 new messages" });
    await count.waitFor();
    assert.equal((await place())[0], top);
    assert.match(await screen.page.title(), /^\(2\) lobby/);

    await count.click();
    assert.ok((await place())[1]! < 2);
    await count.waitFor({ state: "detached" });
    assert.match(await screen.page.title(), /^lobby/);
    await other.say("three");
    await screen.page.getByText("three", { exact: true }).waitFor();
    assert.ok((await place())[1]! < 2, "at the end the view follows");
  },
);

browserTest("one's own message brings the end into view", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url, env });
  await fill(await browser.person(), instance.origin, 60);
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.page.evaluate(() => document.querySelector("[role=log]")!.scrollBy(0, -1500));
  await screen.page.getByRole("button", { name: "To the newest" }).waitFor();
  await screen.say("here I am");
  await screen.page.getByText("here I am").waitFor();
  const distance = await screen.page.evaluate(() => {
    const view = document.querySelector<HTMLElement>("[role=log]")!;
    return view.scrollHeight - view.scrollTop - view.clientHeight;
  });
  assert.ok(distance < 2);
});

browserTest("days are told apart", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url, env });
  await fill(await browser.person(), instance.origin, 3);
  await setInThePast(database.sql);
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.settled(3);
  assert.deepEqual(await screen.page.locator(".day").allInnerTexts(), ["Yesterday", "Today"]);
  assert.match(await screen.page.locator(".bubble").first().getAttribute("title") ?? "", /\d{4}/);
});

async function setInThePast(sql: Sql): Promise<void> {
  await sql`update messages set created_at = created_at - interval '1 day' where seq = 1`;
}
