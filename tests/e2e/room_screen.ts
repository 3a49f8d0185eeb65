import assert from "node:assert/strict";
import type { BrowserContext, Locator, Page } from "playwright-core";

/** A message as the page shows it. */
export interface ShownMessage {
  readonly seq: number;
  readonly text: string;
  readonly mine: boolean;
}

/** A page that shows a room, as the person before it uses it. */
export class RoomScreen {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens a room and waits until one can write. */
  static async open(context: BrowserContext, origin: string, room: string): Promise<RoomScreen> {
    const screen = new RoomScreen(await context.newPage());
    await screen.page.goto(`${origin}/chat/${encodeURIComponent(room)}/`);
    await screen.connected();
    return screen;
  }

  /** The field for a message. */
  get field(): Locator {
    return this.page.locator("#message");
  }

  /** The banner that tells of a lost connection. */
  get banner(): Locator {
    return this.page.locator(".banner p");
  }

  /** The conversation. */
  get log(): Locator {
    return this.page.getByRole("log");
  }

  /** Messages in a state: `stored`, `pending`, `failed`. */
  messages(state: string): Locator {
    return this.page.locator(`.message[data-state="${state}"]`);
  }

  /** Waits until there is a connection. */
  async connected(): Promise<void> {
    await this.log.and(this.page.locator('[aria-busy="false"]')).waitFor();
    await this.page.locator('.banner[data-kind="none"]').waitFor({ state: "attached" });
  }

  /** Writes a message and presses Enter. */
  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press("Enter");
    assert.equal(await this.field.inputValue(), "");
  }

  /** The button that answers the message with this text. */
  answerTo(text: string): Locator {
    return this.page.getByRole("button", { name: new RegExp(`^Reply to .*: ${text}$`) });
  }

  /** The message that is being answered, above the field. */
  get answered(): Locator {
    return this.page.locator("#answered");
  }

  /** What the room has, as it is shown. */
  stored(): Promise<ShownMessage[]> {
    return this.messages("stored").evaluateAll((rows) =>
      rows.map((row) => ({
        seq: Number(row.getAttribute("data-seq")),
        text: row.querySelector(".text")?.textContent ?? "",
        mine: row.getAttribute("data-mine") === "true",
      }))
    );
  }

  /** Waits until so many messages are stored and none is on its way, and returns their texts. */
  async settled(count: number): Promise<string[]> {
    await this.page.waitForFunction(
      (count) =>
        document.querySelectorAll('.message[data-state="stored"]').length >= count &&
        document.querySelectorAll('.message:not([data-state="stored"])').length === 0,
      count,
    );
    const messages = await this.stored();
    const first = messages[0]?.seq ?? 1;
    assert.deepEqual(
      messages.map(({ seq }) => seq),
      messages.map((_, n) => first + n),
      "nothing is missing, doubled or out of order",
    );
    assert.equal(messages.length, count);
    return messages.map(({ text }) => text);
  }
}
