import assert from "node:assert/strict";
import { PgBoss } from "pg-boss";
import { Claims } from "../../src/tasks/claims.ts";
import { TasksDatabase } from "../../src/tasks/database.ts";
import { DeadWorkers } from "../../src/tasks/dead_workers.ts";
import { TaskEvents } from "../../src/tasks/events.ts";
import { migrateTasks, TASKS_SCHEMA } from "../../src/tasks/migrate.ts";
import { createTestDatabase } from "../support/database.ts";

Deno.test("a worker that was thought dead can neither settle nor keep what another runs since", async () => {
  await using test = await createTestDatabase();
  const { url } = test;
  await migrateTasks(url);
  const warn = () => {};
  await using database = new TasksDatabase({ url, directUrl: url, warn });
  const boss = new PgBoss({ db: database, schema: TASKS_SCHEMA, schedule: false });
  await boss.start();
  try {
    await boss.createQueue("task", { policy: "exclusive", retryLimit: 3 });
    await boss.insert("task", [{ singletonKey: "1" }]);
    const { signal } = new AbortController();
    const claims = new Claims(boss, database, warn, signal);
    const events = new TaskEvents(undefined, warn);
    const dead = new DeadWorkers({ database, events, timeoutMs: 50, intervalMs: 60_000 });
    const look = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return await dead.look();
    };

    const [first] = await claims.fetch("task", 1);
    assert.equal(await look(), 0, "it is only seen");
    // A sign of life.
    assert.equal((await claims.touch([first!])).size, 0);
    assert.equal(await look(), 0, "its sign is another");
    assert.equal(await look(), 1);
    assert.deepEqual([...await claims.touch([first!])], [[first!.id, "lost"]]);

    const [second] = await claims.fetch("task", 1);
    assert.equal(second?.id, first!.id);
    assert.equal(await claims.complete(first!, '"late"', 60_000), false);
    assert.equal(await claims.fail(first!, { name: "Error", message: "late" }, false), false);
    assert.equal(await claims.fail(first!, { name: "Error", message: "late" }, true), false);
    await claims.giveBack(first!);
    assert.deepEqual([...await claims.touch([first!])], [[first!.id, "lost"]]);
    assert.equal((await claims.touch([second!])).size, 0);
    assert.equal(await claims.complete(second!, '"in time"', 60_000), true);
    const [job] = await test.sql`select state, output from tasks.job`;
    assert.deepEqual([job!["state"], job!["output"]], ["completed", { value: "in time" }]);
  } finally {
    await boss.stop({ graceful: false });
  }
});
