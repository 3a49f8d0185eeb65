import assert from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";

const CANDIDATES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const executable = findChromium();

/**
 * A test in a browser. Without Chromium on the machine it is skipped, and says so; in CI it fails.
 *
 * The name of another executable may be given in `CHROMIUM`.
 */
export function browserTest(name: string, run: (browser: TestBrowser) => Promise<void>): void {
  const ignore = executable === null && Deno.env.get("CI") !== "true";
  if (ignore) console.warn(`SKIPPED, no Chromium was found (set CHROMIUM): ${name}`);
  Deno.test({
    name,
    ignore,
    async fn() {
      await using browser = await TestBrowser.launch();
      await run(browser);
      assert.deepEqual(browser.faults, [], "the pages threw nothing and kept to the policy");
    },
  });
}

/** Chromium, with people in it who know nothing of each other. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  /** What pages have thrown, and where they broke the content security policy. */
  readonly faults: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts it. */
  static async launch(): Promise<TestBrowser> {
    if (executable === null) throw new Error("Cannot run browser tests: no Chromium was found");
    // Playwright looks for Windows below Linux as soon as it is loaded, in files that Deno opens to
    // nobody but a program with all permissions. This tells it not to.
    Deno.env.set("__IS_WSL_TEST__", "1");
    const { chromium } = await import("playwright-core");
    return new TestBrowser(await chromium.launch({ executablePath: executable, args: FLAGS }));
  }

  /** Somebody with cookies and storage of their own, in English, at a desk. */
  async person(options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext({
      locale: "en-GB",
      viewport: { width: 900, height: 700 },
      ...options,
    });
    context.on("weberror", (error) => this.faults.push(String(error.error())));
    context.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) this.faults.push(message.text());
    });
    return context;
  }

  /** A page of somebody new. */
  async page(url: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
    const page = await (await this.person(options)).newPage();
    await page.goto(url);
    return page;
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

function findChromium(): string | null {
  const given = Deno.env.get("CHROMIUM");
  for (const path of given ? [given] : CANDIDATES) {
    try {
      Deno.statSync(path);
      return path;
    } catch {
      // Look at the next place.
    }
  }
  return null;
}
