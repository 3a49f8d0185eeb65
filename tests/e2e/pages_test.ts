import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

// A phone's browser makes the page itself wider when its content is: `innerWidth` would not tell.
async function width(page: Page): Promise<number> {
  return await page.evaluate(() => document.documentElement.scrollWidth);
}

browserTest("somebody opens a room by its name and is in it", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const page = await browser.page(`${instance.origin}/chat/`);
  await page.getByText("Nobody has opened a room yet").waitFor();
  const field = page.getByLabel("Find a room, or open a new one");
  await field.fill("점심 뭐 먹지?");
  await page.getByText("Letters and digits of any script").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await page.getByRole("button", { name: "Use 점심-뭐-먹지" }).click();
  await page.getByText("There is no room called 점심-뭐-먹지 yet.").waitFor();
  await page.getByRole("button", { name: "Open" }).click();
  await page.waitForURL(`${instance.origin}/chat/${encodeURIComponent("점심-뭐-먹지")}/`);
  const screen = new RoomScreen(page);
  await screen.connected();
  await screen.say("국수!");
  await screen.settled(1);
  await page.getByRole("link", { name: "Back to the rooms" }).click();
  const card = page.getByRole("link", { name: /점심-뭐-먹지.*now.*1 message/s });
  await card.waitFor();
  await page.getByLabel("Find a room, or open a new one").fill("점심-뭐-먹지");
  await page.getByRole("button", { name: "Enter" }).click();
  await screen.settled(1);
});

browserTest(
  "the list narrows to what is typed, and shows what happens elsewhere",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const person = await browser.person();
    for (const room of ["apple", "pear", "pineapple"]) {
      await (await RoomScreen.open(person, instance.origin, room)).page.close();
    }
    const page = await browser.page(`${instance.origin}/chat/`);
    const names = page.locator(".room-card-name");
    await names.nth(2).waitFor();
    await page.locator("#room-name").fill("apple");
    await names.nth(2).waitFor({ state: "detached" });
    assert.deepEqual((await names.allInnerTexts()).sort(), ["apple", "pineapple"]);
    await page.locator("#room-name").fill("");
    await names.nth(2).waitFor();

    const screen = await RoomScreen.open(person, instance.origin, "pear");
    await screen.say("news");
    await screen.settled(1);
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByRole("link", { name: /pear.*1 message/s }).waitFor();
    assert.equal((await names.allInnerTexts())[0], "pear");
  },
);

browserTest("somebody takes another name, and the others see it", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  const other = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.page.getByRole("button", { name: /Change your name/ }).click();
  const field = screen.page.getByRole("textbox", { name: "Your name" });
  await field.fill("   ");
  await field.press("Enter");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.fill("민지");
  await field.press("Enter");
  await screen.page.getByRole("button", { name: "You are 민지. Change your name" }).waitFor();
  await screen.say("now it is me");
  await other.settled(1);
  assert.equal(await other.page.locator(".sender").last().innerText(), "민\n민지");
});

browserTest(
  "the page speaks Korean to whoever asks for it, and English to whoever chooses it",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const person = await browser.person({ locale: "ko-KR" });
    const screen = await RoomScreen.open(person, instance.origin, "마루");
    assert.equal(await screen.page.getAttribute("html", "lang"), "ko");
    assert.equal(await screen.field.getAttribute("placeholder"), "메시지를 적어 주세요");
    await screen.page.getByText("마루 방이 여기서 시작됐어요.").waitFor();
    await screen.page.getByRole("button", { name: "English" }).click();
    await screen.page.getByText("This is where 마루 begins.").waitFor();
    await screen.page.goto(`${instance.origin}/chat/`);
    await screen.page.getByRole("heading", { name: "Rooms" }).waitFor();
    assert.equal(await screen.page.getAttribute("html", "lang"), "en");
    await screen.page.getByRole("button", { name: "한국어" }).click();
    await screen.page.getByRole("heading", { name: "방 목록" }).waitFor();
  },
);

browserTest("everything fits a phone's width", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const person = await browser.person({
    viewport: { width: 360, height: 640 },
    isMobile: true,
    hasTouch: true,
  });
  const room = "이름이-아주-긴-방".repeat(9);
  const screen = await RoomScreen.open(person, instance.origin, room);
  await screen.say("a".repeat(400));
  await screen.say(`https://maru.test/${"path/".repeat(80)}`);
  await screen.settled(2);
  assert.equal(await width(screen.page), 360);
  for (const button of await screen.page.getByRole("button").all()) {
    const box = await button.boundingBox();
    const { x, width } = box ?? { x: 0, width: 0 };
    assert.ok(x >= 0 && x + width <= 360, `${await button.innerText()} is within reach`);
  }
  await screen.field.fill("line\n".repeat(40));
  const field = await screen.field.boundingBox();
  assert.ok(field!.height < 220 && field!.y + field!.height <= 640, "the field stays in view");
  await screen.page.goto(`${instance.origin}/chat/`);
  await screen.page.locator(".room-card").waitFor();
  assert.equal(await width(screen.page), 360);
});

browserTest("a room can be used with the keyboard alone", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const page = await browser.page(`${instance.origin}/chat/`);
  await page.locator(".you").waitFor();
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement!;
      const { outlineStyle } = getComputedStyle(element);
      return { name: element.id || element.className || element.tagName, outlineStyle };
    });
  const stops: string[] = [];
  for (let n = 0; n < 3; n++) {
    await page.keyboard.press("Tab");
    const { name, outlineStyle } = await focused();
    stops.push(name);
    assert.notEqual(outlineStyle, "none", `the focus on ${name} is seen`);
  }
  assert.deepEqual(stops, ["quiet language", "quiet you", "room-name"]);
  await page.keyboard.type("lobby");
  await page.keyboard.press("Enter");
  const screen = new RoomScreen(page);
  await screen.connected();
  assert.equal((await focused()).name, "message");
  await page.keyboard.type("by keys");
  await page.keyboard.press("Enter");
  await screen.settled(1);
  await page.keyboard.press("Shift+Tab");
  assert.equal((await focused()).name, "quiet answer");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await screen.log.evaluate((log) => log === document.activeElement), true);
});
