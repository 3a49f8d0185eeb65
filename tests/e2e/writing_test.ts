import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { browserTest } from "./browser.ts";
import { RoomScreen } from "./room_screen.ts";

/** Composes with the browser's own input method interface. */
async function compose(page: Page, text: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Input.imeSetComposition", {
    text,
    selectionStart: text.length,
    selectionEnd: text.length,
  });
  await devtools.detach();
}

browserTest("Enter sends, but not while a syllable is being composed", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "마루");
  await screen.field.focus();
  await compose(screen.page, "한");
  await screen.field.press("Enter");
  assert.equal(await screen.messages("stored").count(), 0);
  assert.equal(await screen.messages("pending").count(), 0);
  assert.match(await screen.field.inputValue(), /^한/);

  await screen.page.keyboard.insertText("글");
  const text = (await screen.field.inputValue()).trim();
  assert.match(text, /글$/);
  await screen.page.waitForTimeout(60); // Longer than one press of a key lasts.
  await screen.field.press("Enter");
  assert.deepEqual(await screen.settled(1), [text]);
});

browserTest("Shift and Enter begin a new line, and the lines stay", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.field.pressSequentially("first");
  await screen.field.press("Shift+Enter");
  await screen.field.pressSequentially("  second");
  await screen.field.press("Enter");
  assert.deepEqual(await screen.settled(1), ["first\n  second"]);
  const bubble = await screen.page.locator(".text").boundingBox();
  assert.ok(bubble!.height > 40, "two lines are seen");
});

browserTest("text is shown as text, and only its web addresses become links", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  const text = "<img src=x onerror=alert(1)> javascript:alert(1) https://maru.test/<b>";
  await screen.say(text);
  assert.deepEqual(await screen.settled(1), [text]);
  const links = screen.page.locator(".text a");
  assert.equal(await links.count(), 1);
  assert.equal(await links.getAttribute("href"), "https://maru.test/");
  assert.match(await links.getAttribute("rel") ?? "", /noopener/);
  assert.equal(await screen.page.locator(".text img").count(), 0);
});

browserTest("what is being written survives a reload, room by room", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
  await screen.field.fill("half a thought");
  await screen.page.goto(`${instance.origin}/chat/other/`);
  await screen.connected();
  assert.equal(await screen.field.inputValue(), "");
  await screen.page.goto(`${instance.origin}/chat/lobby/`);
  await screen.connected();
  assert.equal(await screen.field.inputValue(), "half a thought");
});

browserTest(
  "characters are counted near the limit, and too many cannot be sent",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const screen = await RoomScreen.open(await browser.person(), instance.origin, "lobby");
    const counter = screen.page.locator(".counter");
    await screen.field.fill("가".repeat(7_000));
    assert.equal(await counter.count(), 0);
    await screen.field.fill("😀".repeat(7_990));
    assert.equal(await counter.innerText(), "10 characters left");
    await screen.field.fill("😀".repeat(8_001));
    assert.equal(await counter.innerText(), "1 too many");
    await screen.field.press("Enter");
    assert.equal(await screen.messages("pending").count(), 0);
    await screen.say("😀".repeat(8_000));
    assert.deepEqual(await screen.settled(1), ["😀".repeat(8_000)]);
  },
);
