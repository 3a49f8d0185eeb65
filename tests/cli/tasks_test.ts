import assert from "node:assert/strict";
import { z } from "zod";
import { startEmbeddedPostgres } from "../../src/dev/embedded_postgres.ts";
import { migrateAll } from "../../src/migrate_all.ts";
import { crontab, defineTask } from "../../src/tasks/mod.ts";
import { createTestDatabase, TEST_SETTINGS } from "../support/database.ts";
import { freePort } from "../support/instance.ts";
import { openTasks } from "../tasks/open_tasks.ts";
import { until } from "../support/until.ts";

const PROJECT = new URL("../../", import.meta.url);

const fail = defineTask({
  name: "fail",
  input: z.object({ at: z.string() }),
  retries: 0,
  run: ({ at }): never => {
    throw new RangeError(`No way\nat ${at} \x1b[31m`);
  },
});
const add = defineTask({
  name: "add",
  input: z.object({ x: z.int(), y: z.int() }),
  run: ({ x, y }) => x + y,
});

/** Runs `deno task tasks` as it stands in deno.json. */
async function run(url: string | undefined, args: readonly string[], cwd: URL | string = PROJECT) {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", PROJECT)));
  const [program, ...rest] = (tasks.tasks.command as string).split(" ");
  assert.equal(program, "deno");
  const script = new URL(rest.pop()!, PROJECT).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...rest, script, ...args],
    cwd,
    env: { DATABASE_URL: url ?? "", DATABASE_DIRECT_URL: "", NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("an operator sees what failed, why, and has it done again", async () => {
  await using db = await createTestDatabase();
  await using opened = await openTasks(db.url, { migrate: false });
  const { tasks } = opened;
  const worker = tasks.work([fail, add]);
  const failed = await tasks.delay(fail, { at: "the gate" });
  const done = await tasks.delay(add, { x: 1, y: 2 });
  await until(async () => (await failed.status()).state === "failed");
  await done.result();
  await worker.stop();
  const waiting = await tasks.delay(add, { x: 3, y: 4 }, { in: 3_600_000 });

  const list = await run(db.url, ["list"]);
  assert.equal(list.code, 0, list.error);
  const [heads, ...rows] = list.out.trimEnd().split("\n");
  assert.match(heads!, /^ID +TASK +STATE +ATTEMPT +TIME \(UTC\)$/);
  assert.equal(rows.length, 2, list.out);
  assert.match(rows[0]!, new RegExp(`^${waiting.id}  add   waiting  0/4 `));
  assert.match(
    rows[1]!,
    new RegExp(`^${failed.id}  fail  failed   1/1 .*RangeError: No way at the gate`),
  );
  assert.ok(!list.out.includes("\x1b"), "what a task says does not reach the terminal");

  const byState = await run(db.url, ["list", "--state", "done", "--task", "add", "--json"]);
  assert.deepEqual(
    JSON.parse(byState.out).map(({ id, result }: { id: string; result: number }) => [id, result]),
    [[done.id, 3]],
  );
  const none = await run(db.url, ["list", "--state", "done", "--task", "fail"]);
  assert.deepEqual([none.code, none.out], [0, "There are no such jobs\n"]);

  const show = await run(db.url, ["show", failed.id]);
  assert.match(show.out, /^State +failed$/m);
  assert.match(show.out, /^Input +\{"at":"the gate"\}$/m);
  assert.match(show.out, /^Error +RangeError: No way at the gate/m);
  assert.match(show.out, /tasks_test\.ts:\d+/);

  const overview = await run(db.url, ["overview"]);
  assert.match(overview.out, /^fail +0 +0 +0 +1 +0 +0$/m);

  const retry = await run(db.url, ["retry", failed.id]);
  assert.deepEqual([retry.code, retry.out], [0, `Queued again: ${failed.id}\n`]);
  assert.equal((await failed.status()).state, "waiting");
  const cancel = await run(db.url, ["cancel", waiting.id, failed.id, "--json"]);
  assert.deepEqual(JSON.parse(cancel.out), [{ name: waiting.id }, { name: failed.id }]);
  assert.equal((await waiting.status()).state, "cancelled");
});

Deno.test("what cannot be done is said in one line each, exits with 1, and keeps nothing else from it", async () => {
  await using db = await createTestDatabase();
  await using opened = await openTasks(db.url, { migrate: false });
  const { tasks } = opened;
  const job = await tasks.delay(add, { x: 1, y: 2 });
  const nobody = crypto.randomUUID();
  const cancel = await run(db.url, ["cancel", nobody, job.id, "no-uuid"]);
  assert.deepEqual(cancel, {
    code: 1,
    out: `Cancelled: ${job.id}\n`,
    error: `There is no job ${nobody}, or it is no longer kept\n` +
      "There is no job no-uuid, or it is no longer kept\n",
  });
  const retry = await run(db.url, ["retry", job.id]);
  assert.deepEqual(retry, {
    code: 1,
    out: "",
    error: `Job ${job.id} of add has not failed: it is cancelled\n`,
  });
  const pause = await run(db.url, ["pause", "nightly"]);
  assert.deepEqual([pause.code, pause.error], [1, 'There is no schedule "nightly"\n']);
});

Deno.test("schedules are listed, paused, resumed, and run once by hand", async () => {
  await using db = await createTestDatabase();
  await using opened = await openTasks(db.url, { migrate: false });
  const { tasks } = opened;
  assert.match((await run(db.url, ["schedules"])).out, /There are no schedules/);
  const times = crontab({ minute: "0", hour: "3" });
  await tasks.schedule("nightly", times, add, { x: 1, y: 2 }, { timeZone: "Asia/Seoul" });
  const listed = await run(db.url, ["schedules"]);
  assert.match(
    listed.out,
    /^nightly +0 3 \* \* \* +Asia\/Seoul +add +\d{4}-\d\d-\d\d \d\d:00:00$/m,
  );
  assert.equal((await run(db.url, ["pause", "nightly"])).out, "Paused: nightly\n");
  assert.match((await run(db.url, ["schedules"])).out, /^nightly .* paused$/m);
  assert.equal((await run(db.url, ["resume", "nightly"])).out, "Goes on: nightly\n");
  const queued = await run(db.url, ["run", "nightly"]);
  const id = /^Queued: nightly, job ([0-9a-f-]{36})\n$/.exec(queued.out)?.[1];
  assert.deepEqual((await tasks.show(id!))?.input, { x: 1, y: 2 });
});

Deno.test("a command line that is not right exits with 2 and says what is wrong", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["lst"], /^There is no command "lst"$/m],
    [["toString"], /^There is no command "toString"$/m],
    [["show"], /^"show" takes ids of jobs$/m],
    [["pause"], /^"pause" takes schedules$/m],
    [["overview", "x"], /^"overview" takes no "x"$/m],
    [["list", "--state", "broken"], /^There is no state "broken": it is one of waiting, /m],
    [["list", "--limit", "0"], /^--limit 0 is no whole number from 1 to 10000$/m],
    [["list", "--limit", "1e3"], /^--limit 1e3 is no whole number/m],
    [["show", "x", "--task", "add"], /^--task is for "list"$/m],
    [["list", "--sate", "done"], /^Unknown option '--sate'/m],
    [["list", "--state"], /^Option '--state <value>' argument missing/m],
  ];
  for (const [args, message] of wrong) {
    const { code, out, error } = await run("postgres://127.0.0.1:1/none", args);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(error, message);
    assert.match(error, /deno task tasks <command>/);
  }
});

Deno.test("without a database, or without its schema, it says what to do", async () => {
  const away = await run(`postgres://postgres@127.0.0.1:${freePort()}/maru`, ["list"]);
  assert.equal(away.code, 1);
  assert.match(away.error, /^Cannot look at background work in the database: .*is it up.*\n$/);
  await using db = await createTestDatabase();
  await db.sql`drop schema tasks cascade`;
  const empty = await run(db.url, ["list"]);
  assert.equal(empty.code, 1);
  assert.match(empty.error, /has `deno task migrate` been run\?\n$/);
  const folder = await Deno.makeTempDir({ prefix: "maru-cli-" });
  const nowhere = await run(undefined, ["list"], folder);
  await Deno.remove(folder);
  assert.deepEqual([nowhere.code, nowhere.out], [1, ""]);
  assert.match(nowhere.error, /set DATABASE_URL, or start `deno task dev` first/);
});

Deno.test("without DATABASE_URL it looks into the database that dev keeps running", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maru-cli-" });
  await Deno.chmod(folder, 0o755);
  try {
    const directory = `${folder}/.data/postgres`;
    await using server = await startEmbeddedPostgres({ directory, settings: TEST_SETTINGS });
    await migrateAll(server.url);
    const overview = await run(undefined, ["overview"], folder);
    assert.equal(overview.code, 0, overview.error);
    assert.match(overview.out, /^TASK /);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
