import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { z } from "zod";
import { crontab, defineTask, PermanentTaskError } from "../../src/tasks/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { startInstance } from "../support/instance.ts";
import { openTasks } from "../tasks/open_tasks.ts";
import { until } from "../support/until.ts";
import { browserTest } from "./browser.ts";

const TOKEN = "a-token-of-thirty-two-characters-or-more";
/** Somebody else, as a proxy tells of them. */
const ELSEWHERE = { extraHTTPHeaders: { "x-forwarded-for": "203.0.113.7" } };

const hang = defineTask({
  name: "hang",
  input: z.object({ room: z.string() }),
  retries: 0,
  run: (_, { progress, signal }) => {
    progress(0.37, "37 of 100");
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    );
  },
});
const fail = defineTask({
  name: "fail",
  input: z.object({ file: z.string() }),
  run() {
    throw new PermanentTaskError("There is no luck today");
  },
});

async function fraction(page: Page): Promise<number> {
  return Number(await page.getByRole("progressbar").getAttribute("value"));
}

/** Waits until the sweeping is so far. */
async function reached(page: Page, wanted: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => (document.querySelector("progress")?.value ?? 0) >= wanted,
    wanted,
  );
}

browserTest(
  "a task that another process does is seen to go on, also after a reload, up to its result",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    const page = await browser.page(`${instance.origin}/examples/task/`);
    await page.getByText("Nobody sweeps yet.").waitFor();
    const start = page.getByRole("button", { name: "Sweep the floor" });
    await start.click();
    await page.getByText("Waiting for a worker…").waitFor();
    assert.equal(await start.isDisabled(), true);

    await using _worker = await startInstance({
      databaseUrl: database.url,
      env: { WORKERS: "inline" },
    });
    await page.getByText("Sweeping", { exact: true }).waitFor();
    await reached(page, 0.1);
    await reached(page, 0.3);
    const before = await fraction(page);
    assert.ok(before < 1);
    await page.reload();
    await page.getByRole("progressbar").waitFor();
    await reached(page, before);
    await reached(page, before + 0.1);
    await page.getByText(/^40 boards are swept, in 1\d(\.\d)? seconds\.$/).waitFor();
    assert.equal(await fraction(page), 1);
    assert.equal(await start.isEnabled(), true, "one can sweep again");
    await page.reload();
    await page.getByText(/^40 boards are swept/).waitFor();
  },
);

browserTest("a task that fails says why, and one that is cancelled ends", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({
    databaseUrl: database.url,
    env: { WORKERS: "inline" },
  });
  const page = await browser.page(`${instance.origin}/examples/task/`);
  await page.getByRole("button", { name: "With a broom that breaks" }).click();
  const first = new URL(page.url()).searchParams.get("task");
  await page.getByText("It failed: The broom broke").waitFor();
  assert.equal(await page.getByRole("progressbar").count(), 0);

  await page.getByRole("button", { name: "Sweep the floor" }).click();
  await reached(page, 0.05);
  assert.notEqual(new URL(page.url()).searchParams.get("task"), first);
  await page.getByRole("button", { name: "Stop sweeping" }).click();
  await page.getByText("It was cancelled.").waitFor();
  await page.getByRole("button", { name: "Stop sweeping" }).waitFor({ state: "detached" });
  const id = new URL(page.url()).searchParams.get("task")!;
  await using opened = await openTasks(database.url);
  assert.equal((await opened.tasks.show(id))?.state, "cancelled");

  await page.goto(`${instance.origin}/examples/task/?task=${crypto.randomUUID()}`);
  await page.getByText("This task is no longer known").waitFor();
  await page.getByRole("button", { name: "한국어" }).click();
  await page.getByText("이 작업은 더 이상 남아 있지 않아요").waitFor();
  await page.getByRole("heading", { name: "10초 걸리는 작업" }).waitFor();
});

browserTest("what is queued, runs, fails and ends is seen as it happens", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const page = await browser.page(`${instance.origin}/admin/tasks/`);
  const section = (name: string) => page.getByRole("region", { name, exact: true });
  await page.getByText("No task has been queued yet.").waitFor();
  for (const text of ["Nothing runs at the moment.", "Nothing waits.", "There are no schedules."]) {
    await page.getByText(text).waitFor();
  }

  const running = await tasks.delay(hang, { room: "lobby" });
  await section("Waiting").getByRole("heading", { name: "hang" }).waitFor();
  tasks.work([hang, fail], { stopTimeoutMs: 0 });
  const bar = section("Running").getByRole("progressbar", { name: "Progress of hang" });
  await bar.waitFor();
  assert.equal(await bar.getAttribute("value"), "0.37");
  await section("Running").getByText("37 of 100").waitFor();
  await section("Tasks").getByRole("listitem").filter({ hasText: /hang.*Running1/ }).waitFor();

  await tasks.delay(fail, { file: "members.csv" });
  const failed = section("Failed").getByRole("listitem");
  await failed.getByText("PermanentTaskError: There is no luck today").waitFor();
  await failed.getByText("Details").click();
  await failed.getByText('"file": "members.csv"').waitFor();
  await failed.getByText(/at .*attempt\.ts/).waitFor();
  await running.cancel();
  await page.getByText("Nothing runs at the moment.").waitFor();
});

browserTest(
  "a failed task is tried again, and one is cancelled after a question",
  async (browser) => {
    await using database = await createTestDatabase();
    await using instance = await startInstance({ databaseUrl: database.url });
    await using opened = await openTasks(database.url);
    const { tasks } = opened;
    const failed = await tasks.delay(fail, { file: "members.csv" });
    const worker = tasks.work([fail]);
    await until(async () => (await failed.status()).state === "failed");
    await worker.stop();
    const later = await tasks.delay(hang, { room: "lobby" }, { in: 3_600_000 });
    const page = await browser.page(`${instance.origin}/admin/tasks/`);

    await page.getByRole("button", { name: "Retry fail" }).click();
    await page.getByText("fail waits to be tried again.").waitFor();
    await page.getByText("Nothing has failed in the last 30 days.").waitFor();
    assert.equal((await failed.status()).state, "waiting");

    const cancel = page.getByRole("button", { name: "Cancel hang" });
    await cancel.click();
    const dialog = page.getByRole("dialog", { name: "Cancel hang?" });
    await dialog.getByText("It will never run.").waitFor();
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await later.status()).state, "waiting");
    // By keyboard: the dialog has the focus, Escape keeps, Enter on the last button cancels.
    await cancel.press("Enter");
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await cancel.press("Enter");
    await dialog.waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("hang was cancelled.").waitFor();
    await cancel.waitFor({ state: "detached" });
    assert.equal((await later.status()).state, "cancelled");
    const heading = page.getByRole("heading", { name: "Waiting" });
    assert.equal(await heading.evaluate((heading) => heading === document.activeElement), true);
  },
);

browserTest("schedules are paused, resumed and run, and that is taken back", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  await tasks.schedule("nightly", crontab({ minute: 0, hour: 3 }), hang, { room: "x" }, {
    timeZone: "Asia/Seoul",
  });
  const paused = async () => (await tasks.schedules())[0]?.paused;
  const page = await browser.page(`${instance.origin}/admin/tasks/`, { locale: "ko-KR" });
  const schedule: Locator = page.getByRole("region", { name: "일정" }).getByRole("listitem");
  await schedule.getByText("0 3 * * *").waitFor();
  await schedule.getByText("Asia/Seoul").waitFor();
  await schedule.getByText(/^\d+(시간|분|초).* 뒤$/).waitFor();

  await schedule.getByRole("button", { name: "nightly 멈추기" }).click();
  await schedule.getByText("멈춤").waitFor();
  assert.equal(await paused(), true);
  await page.getByRole("button", { name: "되돌리기" }).click();
  await schedule.getByRole("button", { name: "nightly 멈추기" }).waitFor();
  assert.equal(await paused(), false);

  await schedule.getByRole("button", { name: "nightly 지금 실행" }).click();
  await page.getByRole("region", { name: "대기 중" }).getByRole("heading", { name: "hang" })
    .waitFor();
  await page.getByText("nightly 일정을 지금 실행하도록 넣었어요.").waitFor();
  await page.getByRole("button", { name: "되돌리기" }).click();
  await page.getByText("hang 작업을 취소했어요.").waitFor();
  await page.getByText("기다리는 작업이 없어요.").waitFor();
});

browserTest("a stranger has to bring the token, and an operator can leave", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({
    databaseUrl: database.url,
    env: { OPERATOR_TOKEN: TOKEN },
  });
  const page = await browser.page(`${instance.origin}/admin/tasks/`, ELSEWHERE);
  const field = page.getByLabel("Operator’s token");
  await field.fill("not the token");
  await field.press("Enter");
  await page.getByText("This is not the token.").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("No task has been queued yet.").waitFor();
  await page.goto(`${instance.origin}/examples/task/`);
  await page.getByText("Nobody sweeps yet.").waitFor();
  const stored = await page.evaluate(() =>
    document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)
  );
  assert.ok(!stored.includes("maru_operator") && !stored.includes(TOKEN));
  await page.getByRole("button", { name: "Sign out" }).click();
  await field.waitFor();
  await page.goto(`${instance.origin}/admin/tasks/`);
  await field.waitFor();
});

browserTest("a page that lost its server says so, and goes on by itself", async (browser) => {
  await using database = await createTestDatabase();
  const first = await startInstance({ databaseUrl: database.url });
  const page = await browser.page(`${first.origin}/admin/tasks/`);
  await page.getByText("No task has been queued yet.").waitFor();
  await first[Symbol.asyncDispose]();
  await page.getByText("The connection was lost.").waitFor();
  await using _second = await startInstance({ databaseUrl: database.url, port: first.port });
  await using opened = await openTasks(database.url);
  await opened.tasks.delay(hang, { room: "lobby" });
  await page.getByText("The connection was lost.").waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Waiting" }).getByText("hang").waitFor();
});

browserTest("the pages fit a narrow phone and name what they show", async (browser) => {
  await using database = await createTestDatabase();
  await using instance = await startInstance({ databaseUrl: database.url });
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const name = `a_task_with_a_rather_long_name_${"x".repeat(60)}`;
  const long = defineTask({ name, input: z.object({}), run: () => {} });
  await tasks.delay(long, {});
  await tasks.schedule("nightly", crontab({ minute: "0-59/7", hour: "1-5,9" }), long, {});
  for (const path of ["/admin/tasks/", "/examples/task/"]) {
    const page = await browser.page(instance.origin + path, {
      viewport: { width: 320, height: 600 },
      isMobile: true,
      hasTouch: true,
    });
    await page.getByRole("main").getByRole("button").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, path);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    const small = await page.getByRole("button").evaluateAll((buttons) =>
      buttons.filter((button) => button.getBoundingClientRect().height < 44)
        .map((button) => button.textContent)
    );
    assert.deepEqual(small, [], "a finger finds every button");
    await page.context().close();
  }
});
