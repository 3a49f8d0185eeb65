import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

/** What a message answers, as it is shown in it. */
function quoteIn(screen: RoomScreen, seq: number): Promise<string> {
  return screen.page.locator(`[data-seq="${seq}"] blockquote`).innerText();
}

browserTest("somebody answers a message with the mouse, and others see which", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const other = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await other.say("noodles?");
  await other.say("or rice?");
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.settled(2);

  const button = screen.answerTo("noodles\\?");
  assert.equal(await button.evaluate((element) => getComputedStyle(element).opacity), "0");
  await screen.page.locator('[data-seq="1"]').hover();
  await button.click();
  assert.match(await screen.answered.innerText(), /^Replying to .+\nnoodles\?$/);
  assert.equal(await screen.field.evaluate((field) => field === document.activeElement), true);

  await screen.field.pressSequentially("with an egg");
  await screen.page.reload();
  await screen.connected();
  assert.equal(await screen.field.inputValue(), "with an egg");
  assert.match(await screen.answered.innerText(), /noodles\?$/);
  await screen.page.getByRole("button", { name: "Send" }).click();
  await screen.answered.waitFor({ state: "detached" });
  await screen.settled(3);
  await other.settled(3);
  for (const shown of [screen, other]) assert.match(await quoteIn(shown, 3), / noodles\?$/);

  await screen.say("an answer to nothing");
  await screen.settled(4);
  assert.equal(await screen.page.locator('[data-seq="4"] blockquote').count(), 0);
});

browserTest("somebody answers a message with the keyboard alone", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  const { keyboard } = screen.page;
  for (const text of ["one", "two", "three"]) await screen.say(text);
  await screen.settled(3);
  const isFocused = (text: string) =>
    screen.answerTo(text).evaluate((button) =>
      button === document.activeElement && getComputedStyle(button).opacity === "1"
    );

  await keyboard.press("Shift+Tab");
  assert.equal(await isFocused("three"), true);
  await keyboard.press("ArrowUp");
  await keyboard.press("ArrowUp");
  await keyboard.press("ArrowUp");
  assert.equal(await isFocused("one"), true);
  await keyboard.press("ArrowDown");
  assert.equal(await isFocused("two"), true);
  await keyboard.press("Enter");
  assert.match(await screen.answered.innerText(), /\ntwo$/);
  assert.equal(await screen.field.getAttribute("aria-describedby"), "answered message-hint");

  await keyboard.type("kept");
  await keyboard.press("Escape");
  await screen.answered.waitFor({ state: "detached" });
  assert.equal(await screen.field.inputValue(), "kept");
  await keyboard.press("Shift+Tab");
  await keyboard.press("Home");
  await keyboard.press("Space");
  assert.match(await screen.answered.innerText(), /\none$/);
  await keyboard.press("Enter");
  assert.equal((await screen.settled(4)).at(-1), "kept");
  assert.match(await quoteIn(screen, 4), / one$/);
});

browserTest("somebody answers on a phone, in Korean, and takes it back", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const person = await browser.person({
    locale: "ko-KR",
    viewport: { width: 360, height: 640 },
    isMobile: true,
    hasTouch: true,
  });
  const screen = await RoomScreen.open(person, instance.origin, "마루");
  await screen.say("점심 뭐 먹지? ".repeat(12));
  await screen.settled(1);
  const button = screen.page.getByRole("button", { name: /님에게 답장하기: 점심/ });
  const bubble = (await screen.page.locator(".bubble").boundingBox())!;
  const place = (await button.boundingBox())!;
  assert.ok(place.width >= 44 && place.height >= 44, "a finger can hit it");
  assert.ok(place.x >= 0 && place.x + place.width <= bubble.x, "it stands beside the message");
  await button.tap();
  assert.match(await screen.answered.innerText(), /님에게 답장 쓰는 중\n점심/);
  const cancel = screen.page.getByRole("button", { name: "답장 취소" });
  const edge = (await cancel.boundingBox())!;
  assert.ok(edge.x + edge.width <= 360);
  await cancel.tap();
  await screen.answered.waitFor({ state: "detached" });
  assert.equal(await screen.field.evaluate((field) => field === document.activeElement), true);
});
