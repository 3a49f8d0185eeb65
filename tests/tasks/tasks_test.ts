import assert from "node:assert/strict";
import { z } from "zod";
import { memoryChannelLayer } from "../../src/channels/mod.ts";
import {
  defineTask,
  type JobInfo,
  once,
  PermanentTaskError,
  type Task,
  TaskAbortError,
  TaskCancelledError,
  type TaskContext,
  TaskFailedError,
  taskGroup,
  TaskInputError,
  TaskNotFoundError,
  TaskTimeoutError,
} from "../../src/tasks/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { openTasks } from "./open_tasks.ts";
import { until } from "../support/until.ts";

const add = defineTask({
  name: "add",
  input: z.object({ x: z.number(), y: z.number() }),
  run: ({ x, y }) => x + y,
});

/** Runs until its signal aborts, then fails with the signal's reason. */
function untilAborted(_: unknown, { signal }: TaskContext): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

const wait = defineTask({ name: "wait", input: z.object({}), retries: 0, run: untilAborted });

Deno.test("a task's result is waited for, with its type, whatever JSON it is", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const echo = defineTask({ name: "echo", input: z.json(), run: (value) => value });
  const nothing = defineTask({ name: "nothing", input: z.object({}), run: () => {} });
  const tomorrow = defineTask({
    name: "tomorrow",
    input: z.object({ today: z.coerce.date() }),
    output: z.coerce.date(),
    run: ({ today }) => new Date(today.getTime() + 86_400_000),
  });
  tasks.work([add, echo, nothing, tomorrow]);

  const job = await tasks.delay(add, { x: 10, y: 3 });
  const sum: number = await job.result({ timeout: 5_000 });
  assert.equal(sum, 13);
  const found = await tasks.job(add, job.id);
  assert.equal(await found?.result(), 13);
  assert.equal(await tasks.job(echo, job.id), null);
  assert.equal(await tasks.job(add, crypto.randomUUID()), null);
  assert.equal(await tasks.job(add, "no id"), null);

  const { state, attempt, finishedAt, input } = await job.status();
  assert.deepEqual([state, attempt, input], ["done", 1, { x: 10, y: 3 }]);
  assert.ok(finishedAt instanceof Date);

  for (const value of [null, 0, "", "한글", false, [], [1, { a: [] }], { value: 1 }, {}]) {
    assert.deepEqual(await (await tasks.delay(echo, value)).result(), value);
  }
  assert.equal(await (await tasks.delay(nothing, {})).result(), null);
  const date = await (await tasks.delay(tomorrow, { today: "2026-01-01" })).result();
  assert.equal(date.toISOString(), "2026-01-02T00:00:00.000Z");
  assert.deepEqual(opened.warnings, []);
});

Deno.test("input that does not fit is refused when it is queued, and nothing is", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const dated = defineTask({ name: "dated", input: z.object({ at: z.date() }), run: () => 0 });
  const refused: readonly [Task, unknown, RegExp][] = [
    [
      add,
      { x: "10", y: 3 },
      /^TaskInputError: Cannot queue task "add": the input does not fit: x:/,
    ],
    [add, undefined, /does not fit/],
    [add, { x: 1n, y: 3 }, /the input is no JSON: x is a bigint/],
    [add, { x: 1, y: () => 3 }, /y is a function/],
    // In the worker it would be a text.
    [dated, { at: new Date() }, /at: /],
  ];
  for (const [task, input, message] of refused) {
    await assert.rejects(tasks.delay(task, input as never), (error: Error) => {
      assert.ok(error instanceof TaskInputError);
      assert.match(String(error), message);
      return true;
    });
  }
  await assert.rejects(
    tasks.delayMany(add, [{ x: 1, y: 2 }, { x: 1, y: "2" } as never]),
    /input 1 does not fit/,
  );
  await assert.rejects(tasks.delay(add, { x: 1, y: 2 }, { at: new Date(NaN) }), RangeError);
  await assert.rejects(tasks.delay(add, { x: 1, y: 2 }, { in: -1 }), RangeError);
  await assert.rejects(tasks.delay(add, { x: 1, y: 2 }, { in: 1, at: new Date() }), TypeError);
  await assert.rejects(tasks.delay(add, { x: 1, y: 2 }, { uniqueKey: "" }), RangeError);
  assert.deepEqual(await tasks.list({ state: "waiting" }), []);
});

Deno.test("a failing task is tried again as often as it says, then is a dead letter to be retried", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const starts: number[] = [];
  let broken = true;
  const flaky = defineTask({
    name: "flaky",
    input: z.object({}),
    retries: 1,
    run(_, { job }) {
      starts.push(performance.now());
      if (broken) throw new RangeError(`Attempt ${job.attempt} failed, last: ${job.last}`);
      return job.attempt;
    },
  });
  tasks.work([flaky]);
  const job = await tasks.delay(flaky, {});
  const waiting = await until(async () => {
    const info = await job.status();
    return info.error && info.state === "waiting" ? info : undefined;
  });
  assert.equal(waiting.error?.message, "Attempt 1 failed, last: false");
  await assert.rejects(job.result(), (error: Error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.equal(error.message, "Attempt 2 failed, last: true");
    assert.equal((error.cause as Error).name, "RangeError");
    return true;
  });
  // Between half a second and one, and at most a second late.
  const pause = starts[1]! - starts[0]!;
  assert.ok(pause >= 500 && pause < 2_500, `retried after ${pause} ms`);

  const [dead, ...others] = await tasks.failed();
  assert.equal(others.length, 0);
  assert.deepEqual([dead?.id, dead?.task, dead?.attempt], [job.id, "flaky", 2]);
  assert.match(dead?.error?.stack ?? "", /tasks_test/);
  broken = false;
  assert.equal(await tasks.retry(job.id), true);
  assert.equal(await job.result(), 3);
  assert.equal(await tasks.retry(job.id), false);
  assert.deepEqual(await tasks.failed(), []);
});

Deno.test("what cannot be mended by trying again fails at once, and says what it was", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const bad: Readonly<Record<string, () => unknown>> = {
    function: () => () => 1,
    bigint: () => ({ n: 10n }),
    cycle: () => cycle,
    nul: () => "\0",
  };
  const returns = defineTask({
    name: "returns",
    input: z.string(),
    run: (what) => bad[what]!(),
  });
  const checked = defineTask({
    name: "checked",
    input: z.object({}),
    output: z.number(),
    run: () => "no number" as unknown as number,
  });
  const gives = defineTask({
    name: "gives-up",
    input: z.object({}),
    run() {
      throw new PermanentTaskError("There is no such address");
    },
  });
  tasks.work([returns, checked, gives]);
  const failure = async (job: { id: string; result(): Promise<unknown> }) => {
    const error = await job.result().then(() => null, (error) => error);
    assert.ok(error instanceof TaskFailedError);
    assert.equal((await tasks.show(job.id))?.attempt, 1);
    return error.message;
  };
  const keep = 'Cannot keep the result of task "returns": it is no JSON: ';
  assert.equal(await failure(await tasks.delay(returns, "function")), `${keep}a function`);
  assert.equal(await failure(await tasks.delay(returns, "bigint")), `${keep}n is a bigint`);
  assert.equal(await failure(await tasks.delay(returns, "cycle")), `${keep}self is a cycle`);
  assert.equal(await failure(await tasks.delay(returns, "nul")), `${keep}a text with a NUL`);
  assert.match(await failure(await tasks.delay(checked, {})), /does not fit its schema/);
  assert.equal(await failure(await tasks.delay(gives, {})), "There is no such address");
});

Deno.test("a task that throws no error fails with a message that says so", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const values: readonly [unknown, string][] = [
    ["boom", '"boom"'],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [Object.create(null), "something that has no text"],
    [new Error("a NUL \0 and \ud800"), ""],
  ];
  const throws = defineTask({
    name: "throws",
    input: z.number(),
    retries: 0,
    run(index) {
      throw values[index]![0];
    },
  });
  tasks.work([throws]);
  for (const [index, [, shown]] of values.entries()) {
    const job = await tasks.delay(throws, index);
    const message = shown === ""
      ? "a NUL \ufffd and \ufffd"
      : `Task "throws" threw no error, but ${shown}`;
    await assert.rejects(job.result(), { name: "TaskFailedError", message });
  }
});

Deno.test("a task is left for a worker that knows it", async () => {
  await using database = await createTestDatabase();
  await using first = await openTasks(database.url);
  await using second = await openTasks(database.url);
  const other = defineTask({ name: "other", input: z.object({}), run: () => "by the second" });
  first.tasks.work([add]);
  const job = await first.tasks.delay(other, {});
  assert.equal(await (await first.tasks.delay(add, { x: 1, y: 1 })).result(), 2);
  const { state, attempt } = await job.status();
  assert.deepEqual([state, attempt], ["waiting", 0]);
  second.tasks.work([other]);
  assert.equal(await job.result(), "by the second");
});

Deno.test("a task that takes too long is asked to end; one that never returns loses its place", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const asked = defineTask({
    name: "asked",
    input: z.object({}),
    retries: 0,
    timeoutMs: 200,
    run: untilAborted,
  });
  const never = defineTask({
    name: "never",
    input: z.object({}),
    retries: 0,
    timeoutMs: 200,
    run: () => new Promise<never>(() => {}),
  });
  tasks.work([asked, never, add], { concurrency: 1 });
  const startedAt = performance.now();
  const stuck = await tasks.delay(never, {});
  const polite = await tasks.delay(asked, {});
  await assert.rejects(stuck.result(), /Task "never" takes longer than 200 ms/);
  const stuckMs = performance.now() - startedAt;
  assert.ok(stuckMs > 5_000 && stuckMs < 9_000, `${stuckMs} ms`);
  await assert.rejects(polite.result(), /Task "asked" takes longer than 200 ms/);
  assert.ok(performance.now() - startedAt - stuckMs < 3_000);
  assert.equal(await (await tasks.delay(add, { x: 1, y: 1 })).result(), 2);
});

Deno.test("a cancelled job never runs; a running one is asked to end within two seconds", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const waiting = await tasks.delay(add, { x: 1, y: 1 });
  assert.equal(await waiting.cancel(), true);
  assert.equal(await waiting.cancel(), false);
  let reason: unknown;
  const ended = Promise.withResolvers<void>();
  const long = defineTask({
    name: "long",
    input: z.object({}),
    run: (_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(new Error("ended"));
          ended.resolve();
        })
      ),
  });
  tasks.work([add, long]);
  const running = await tasks.delay(long, {});
  await until(async () => (await running.status()).state === "running");
  const cancelledAt = performance.now();
  assert.equal(await tasks.cancel(running.id), true);
  await assert.rejects(running.result(), TaskCancelledError);
  await ended.promise;
  assert.ok(performance.now() - cancelledAt < 2_000);
  assert.ok(reason instanceof TaskAbortError && reason.why === "cancelled");
  assert.equal((await running.status()).state, "cancelled");
  assert.equal((await waiting.status()).attempt, 0);
  assert.equal((await tasks.list({ state: "cancelled" })).length, 2);
});

Deno.test("whoever waits too long for a result is told; the job goes on", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const job = await tasks.delay(add, { x: 1, y: 1 });
  await assert.rejects(job.result({ timeout: 50 }), TaskTimeoutError);
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(job.result({ signal }), /enough/);
  tasks.work([add]);
  assert.equal(await job.result(), 2);
  await database.sql`delete from tasks.job`;
  await assert.rejects(job.result(), TaskNotFoundError);
  await assert.rejects(job.status(), TaskNotFoundError);
});

Deno.test("a task queued in a transaction that is rolled back never was", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  tasks.work([add]);
  let lost: string | undefined;
  await assert.rejects(
    database.sql.begin(async (transaction) => {
      lost = (await tasks.delay(add, { x: 1, y: 1 }, { transaction, uniqueKey: "k" })).id;
      throw new Error("rolled back");
    }),
    /rolled back/,
  );
  assert.equal(await tasks.show(lost!), null);
  const kept = await database.sql.begin(async (transaction) => {
    const job = await tasks.delay(add, { x: 2, y: 2 }, { transaction, uniqueKey: "k" });
    assert.equal(await tasks.show(job.id), null);
    return job;
  });
  assert.equal(await kept.result(), 4);
});

Deno.test("of one unique key one job waits or runs; the next call gets the same", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const keyed = defineTask({
    name: "keyed",
    input: z.object({ key: z.string() }),
    uniqueKey: ({ key }) => key,
    run: untilAborted,
  });
  const calls = await Promise.all(
    Array.from({ length: 8 }, () => tasks.delay(keyed, { key: "a" })),
  );
  assert.equal(new Set(calls.map(({ id }) => id)).size, 1);
  const many = await tasks.delayMany(keyed, [{ key: "a" }, { key: "b" }, { key: "b" }]);
  assert.equal(many[0]!.id, calls[0]!.id);
  assert.equal(many[1]!.id, many[2]!.id);
  tasks.work([keyed], { stopTimeoutMs: 0 });
  await until(async () => (await calls[0]!.status()).state === "running");
  assert.equal((await tasks.delay(keyed, { key: "a" })).id, calls[0]!.id);
  assert.equal((await calls[0]!.status()).uniqueKey, "a");
  await calls[0]!.cancel();
  assert.notEqual((await tasks.delay(keyed, { key: "a" })).id, calls[0]!.id);
});

Deno.test("the urgent run first, over all tasks; then the old before the young", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const ran: string[] = [];
  const task = (name: string, priority: number) =>
    defineTask({ name, input: z.string(), priority, run: (text) => void ran.push(text) });
  const [low, high] = [task("low", 0), task("high", 5)];
  await tasks.delay(low, "low 1");
  await tasks.delay(low, "low 2");
  await tasks.delay(high, "high");
  await tasks.delay(low, "highest", { priority: 9 });
  await tasks.delay(low, "lowest", { priority: -1 });
  tasks.work([low, high], { concurrency: 1 });
  await until(() => ran.length === 5);
  assert.deepEqual(ran, ["highest", "high", "low 1", "low 2", "lowest"]);
});

Deno.test("a deferred job starts when it is due, by the database's clock, and at most a second late", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  tasks.work([add]);
  const jobs = [
    await tasks.delay(add, { x: 1, y: 1 }, { in: 1_200 }),
    await tasks.delay(add, { x: 1, y: 1 }, { at: new Date(Date.now() + 1_500) }),
    await tasks.delay(add, { x: 1, y: 1 }, { at: new Date(0) }),
  ];
  for (const job of jobs) {
    await job.result();
    const { dueAt, startedAt } = await job.status();
    const lateMs = startedAt!.getTime() - Math.max(dueAt.getTime(), 0);
    if (dueAt.getTime() > 0) assert.ok(lateMs >= 0 && lateMs < 1_000, `${lateMs} ms late`);
  }
});

Deno.test("an idle worker starts half of what is queued within 50 ms", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  tasks.work([add]);
  await (await tasks.delay(add, { x: 1, y: 1 })).result();
  const waits: number[] = [];
  for (let i = 0; i < 15; i++) {
    const job = await tasks.delay(add, { x: 1, y: 1 });
    await job.result();
    const { createdAt, startedAt } = await job.status();
    waits.push(startedAt!.getTime() - createdAt.getTime());
  }
  const median = waits.sort((a, b) => a - b)[7]!;
  assert.ok(median < 50, `${waits} ms`);
});

Deno.test("a job's start and its result are not touched by this computer's clock being moved", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  tasks.work([add]);
  const { now } = Date;
  try {
    const job = await tasks.delay(add, { x: 1, y: 1 }, { in: 1_000 });
    const waiting = job.result({ timeout: 10_000 });
    Date.now = () => now() + 86_400_000;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await job.status()).state, "waiting");
    Date.now = () => now() - 86_400_000;
    assert.equal(await waiting, 2);
  } finally {
    Date.now = now;
  }
});

Deno.test("no more of a task run at once than it says, nor of all than the worker says", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  let running = 0;
  let most = 0;
  const task = (name: string, concurrency: number) =>
    defineTask({
      name,
      input: z.object({}),
      concurrency,
      async run() {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running--;
      },
    });
  const [two, many] = [task("two", 2), task("many", 100)];
  const inputs = Array.from({ length: 12 }, () => ({}));
  const first = await tasks.delayMany(two, inputs);
  const worker = tasks.work([two, many], { concurrency: 4 });
  await Promise.all(first.map((job) => job.result()));
  assert.equal(most, 2);
  const second = await tasks.delayMany(many, inputs);
  await Promise.all(second.map((job) => job.result()));
  assert.equal(most, 4);
  await until(() => worker.running === 0);
});

Deno.test("a rate limit holds over two workers", async () => {
  await using database = await createTestDatabase();
  await using one = await openTasks(database.url);
  await using two = await openTasks(database.url);
  const starts: number[] = [];
  const slow = defineTask({
    name: "slow",
    input: z.object({}),
    rateLimit: { limit: 5, perMs: 1_000 },
    run: () => void starts.push(performance.now()),
  });
  const jobs = await one.tasks.delayMany(slow, Array.from({ length: 8 }, () => ({})));
  one.tasks.work([slow]);
  two.tasks.work([slow]);
  await Promise.all(jobs.map((job) => job.result()));
  const spans = starts.slice(1).map((start, index) => start - starts[index]!);
  assert.ok(spans.every((span) => span > 100), `${spans}`);
  const total = starts.at(-1)! - starts[0]!;
  assert.ok(total > 1_300 && total < 3_000, `${total} ms`);
});

Deno.test("10,000 tasks are queued in one call", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const inputs = Array.from({ length: 10_000 }, (_, x) => ({ x, y: 1 }));
  const jobs = await tasks.delayMany(add, inputs);
  assert.equal(new Set(jobs.map(({ id }) => id)).size, 10_000);
  assert.deepEqual((await jobs[9_999]!.status()).input, { x: 9_999, y: 1 });
  const [overview] = await tasks.overview();
  assert.equal(overview?.waiting, 10_000);
  assert.deepEqual(await tasks.delayMany(add, []), []);
});

Deno.test("progress is seen live and in the status, joined to a few a second", async () => {
  await using database = await createTestDatabase();
  await using layer = memoryChannelLayer();
  await using opened = await openTasks(database.url, { layer });
  const { tasks } = opened;
  const go = Promise.withResolvers<void>();
  const steps = defineTask({
    name: "steps",
    input: z.object({}),
    async run(_, { progress }) {
      for (let i = 0; i <= 1_000; i++) progress(i / 1_000, `step ${i}`);
      await go.promise;
      return "done";
    },
  });
  const job = await tasks.delay(steps, {});
  const channel = layer.newChannel();
  await layer.groupAdd(taskGroup(job.id), channel);
  const seen: JobInfo<string>[] = [];
  for await (const info of job.watch()) {
    seen.push(info);
    if (info.state === "waiting") tasks.work([steps]);
    if (info.progress?.fraction === 1) go.resolve();
  }
  assert.equal(seen[0]?.state, "waiting");
  assert.equal(seen.at(-1)?.state, "done");
  assert.equal(seen.at(-1)?.result, "done");
  const fractions = seen.flatMap(({ progress }) => progress?.fraction ?? []);
  assert.equal(fractions.at(-1), 1);
  assert.ok(fractions.length <= 3, `${fractions}`);
  const events: unknown[] = [];
  for (let i = 0; i < 3; i++) events.push(await layer.receive(channel));
  const of = { id: job.id, task: "steps" };
  assert.deepEqual(events, [
    { type: "task.progress", ...of, fraction: 0, text: "step 0" },
    { type: "task.progress", ...of, fraction: 1, text: "step 1000" },
    { type: "task.done", ...of },
  ]);
});

Deno.test("the ends of jobs are told through the channel layer", async () => {
  await using database = await createTestDatabase();
  await using layer = memoryChannelLayer();
  await using opened = await openTasks(database.url, { layer });
  const { tasks } = opened;
  const fails = defineTask({
    name: "fails",
    input: z.object({}),
    retries: 0,
    run() {
      throw new Error("on purpose");
    },
  });
  const channel = layer.newChannel();
  const [failing, cancelled] = [await tasks.delay(fails, {}), await tasks.delay(wait, {})];
  for (const { id } of [failing, cancelled]) await layer.groupAdd(taskGroup(id), channel);
  const waiting = Promise.allSettled([failing.result(), cancelled.result()]);
  await cancelled.cancel();
  tasks.work([fails]);
  assert.deepEqual(
    [await layer.receive(channel), await layer.receive(channel)].map((event) => ({ ...event })),
    [
      { type: "task.cancelled", id: cancelled.id, task: "wait" },
      { type: "task.failed", id: failing.id, task: "fails", message: "on purpose" },
    ],
  );
  const startedAt = performance.now();
  const ends = await waiting;
  assert.ok(performance.now() - startedAt < 1_000, "told, not polled for");
  assert.deepEqual(ends.map(({ status }) => status), ["rejected", "rejected"]);
});

Deno.test("what was done once is not done again, and what failed was not done", async () => {
  await using database = await createTestDatabase();
  await using _opened = await openTasks(database.url);
  const { sql } = database;
  let deeds = 0;
  const act = (fail: boolean) =>
    sql.begin((tx) =>
      once(tx, "pay 1", () => {
        deeds++;
        if (fail) throw new Error("not paid");
        return "paid";
      })
    );
  await assert.rejects(act(true), /not paid/);
  const results = await Promise.all([act(false), act(false), act(false)]);
  assert.deepEqual(results.filter((result) => result !== undefined), ["paid"]);
  assert.equal(deeds, 2);
  await assert.rejects(sql.begin((tx) => once(tx, "", () => {})), RangeError);
});

Deno.test("results are kept for their time, and failures for people", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const brief = defineTask({
    name: "brief",
    input: z.boolean(),
    retries: 0,
    keepResultMs: 5_000,
    run(fails) {
      if (fails) throw new Error("on purpose");
    },
  });
  tasks.work([brief]);
  const [good, bad] = [await tasks.delay(brief, false), await tasks.delay(brief, true)];
  await good.result();
  await assert.rejects(bad.result());
  const rows = await database.sql`select id, deletion_seconds from tasks.job`;
  const kept = new Map(rows.map((row) => [row["id"], row["deletion_seconds"]]));
  assert.equal(kept.get(good.id), 5);
  assert.equal(kept.get(bad.id), 30 * 86_400);
});

Deno.test("the overview counts what waits, is deferred, runs, failed and was done", async () => {
  await using database = await createTestDatabase();
  await using opened = await openTasks(database.url);
  const { tasks } = opened;
  const fails = defineTask({
    name: "fails",
    input: z.object({}),
    retries: 0,
    run() {
      throw new Error("on purpose");
    },
  });
  const unknown = defineTask({ name: "unknown", input: z.object({}), run: () => 0 });
  await tasks.delayMany(unknown, [{}, {}]);
  await tasks.delay(unknown, {}, { in: 3_600_000 });
  tasks.work([add, fails, wait]);
  const running = await tasks.delay(wait, {});
  await (await tasks.delay(add, { x: 1, y: 1 })).result();
  await assert.rejects((await tasks.delay(fails, {})).result());
  await until(async () => (await running.status()).state === "running");
  const figures = new Map((await tasks.overview()).map((queue) => [queue.task, queue]));
  const { oldestWaitingMs, ...waiting } = figures.get("unknown")!;
  const none = {
    waiting: 0,
    deferred: 0,
    active: 0,
    failed: 0,
    doneLastMinute: 0,
    doneLastHour: 0,
  };
  assert.deepEqual(waiting, { ...none, task: "unknown", waiting: 2, deferred: 1 });
  assert.ok(oldestWaitingMs > 0 && oldestWaitingMs < 30_000);
  const rest = { ...none, oldestWaitingMs: 0 };
  assert.deepEqual(figures.get("add"), {
    ...rest,
    task: "add",
    doneLastMinute: 1,
    doneLastHour: 1,
  });
  assert.deepEqual(figures.get("fails"), { ...rest, task: "fails", failed: 1 });
  assert.deepEqual(figures.get("wait"), { ...rest, task: "wait", active: 1 });
  assert.equal((await tasks.list({ state: "waiting", task: "unknown", limit: 2 })).length, 2);
  await running.cancel();
});
