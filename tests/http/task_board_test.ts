import assert from "node:assert/strict";
import { z } from "zod";
import { memoryChannelLayer } from "../../src/channels/mod.ts";
import { DatabaseTimeoutError } from "../../src/db/errors.ts";
import { BOARD_JOBS, TaskBoard } from "../../src/http/task_board.ts";
import type { BoardFrame } from "../../src/protocol/task_bodies.ts";
import { defineTask } from "../../src/tasks/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { openTasks } from "../tasks/open_tasks.ts";
import { until } from "../support/until.ts";

const add = defineTask({ name: "add", input: z.number(), run: (x) => x + 1 });

/** A board on a database, which counts its looks, and whose looks can be made to fail. */
async function openBoard() {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const layer = stack.use(memoryChannelLayer());
  const { tasks } = stack.use(await openTasks(database.url, { layer }));
  const looks = { count: 0, failing: null as Error | null };
  const complaints: string[] = [];
  const board = new TaskBoard({
    layer,
    onError: (message) => complaints.push(message),
    tasks: {
      list: (options) => tasks.list(options),
      schedules: () => tasks.schedules(),
      overview() {
        looks.count++;
        return looks.failing ? Promise.reject(looks.failing) : tasks.overview();
      },
    },
  });
  const opened = stack.move();
  return { tasks, board, looks, complaints, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Somebody who looks at a board. */
function viewer(board: TaskBoard) {
  const frames: BoardFrame[] = [];
  const leaving = new AbortController();
  board.watch((text) => frames.push(JSON.parse(text)), leaving.signal);
  return { frames, leave: () => leaving.abort() };
}

Deno.test("a hundred viewers cost one look, and nobody looking costs none", async () => {
  await using world = await openBoard();
  const viewers = Array.from({ length: 100 }, () => viewer(world.board));
  await until(() => viewers.every(({ frames }) => frames.length === 1));
  assert.equal(world.looks.count, 1);
  await world.tasks.delay(add, 1, { in: 3_600_000 });
  await until(() => viewers.every(({ frames }) => frames.at(-1)?.waiting?.length === 1));
  assert.ok(viewers.every(({ frames }) => frames.length === 2), "no more than what has changed");
  for (const { leave } of viewers) leave();
  const { count } = world.looks;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.ok(world.looks.count - count <= 1, "the one under way ends");

  const late = viewer(world.board);
  await until(() => late.frames.length > 0);
  assert.equal(late.frames[0]?.waiting?.length, 1);
  late.leave();
});

Deno.test("looks do not come faster than they should, however much happens", async () => {
  await using world = await openBoard();
  const { frames, leave } = viewer(world.board);
  await until(() => frames.length > 0);
  const { count } = world.looks;
  const startedAt = performance.now();
  while (performance.now() - startedAt < 1_000) {
    world.board.lookSoon();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const looks = world.looks.count - count;
  assert.ok(looks >= 2 && looks <= 6, `${looks} looks in a second`);
  leave();
});

Deno.test("a database that is away is told of, once, and so is its return", async () => {
  await using world = await openBoard();
  const { frames, leave } = viewer(world.board);
  await until(() => frames.length > 0);
  assert.equal(frames[0]?.trouble, null);
  world.looks.failing = new DatabaseTimeoutError(1);
  await until(() => frames.at(-1)?.trouble === "database_unavailable");
  const { count } = world.looks;
  await until(() => world.looks.count > count);
  world.looks.failing = null;
  await until(() => frames.at(-1)?.trouble === null);
  const told = frames.flatMap(({ trouble }) => trouble === undefined ? [] : [trouble]);
  assert.deepEqual(told, [null, "database_unavailable", null]);
  assert.deepEqual(world.complaints, [], "that it is away is not the board's to complain of");
  leave();
});

Deno.test("of many jobs the first are shown, and the figures tell of all", async () => {
  await using world = await openBoard();
  await world.tasks.delayMany(add, Array.from({ length: BOARD_JOBS + 20 }, (_, i) => i));
  const { frames, leave } = viewer(world.board);
  const first = await until(() => frames[0]);
  assert.equal(first.waiting?.length, BOARD_JOBS);
  assert.equal(first.queues?.[0]?.waiting, BOARD_JOBS + 20);
  leave();
});
