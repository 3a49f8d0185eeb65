import assert from "node:assert/strict";
import { z } from "zod";
import { postgresChannelLayer } from "../../src/channels/mod.ts";
import { defineTask } from "../../src/tasks/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { openTasks } from "./open_tasks.ts";

Deno.test("whoever waits in one instance hears at once of progress and result in another", async () => {
  await using db = await createTestDatabase();
  await using webLayer = await postgresChannelLayer({ url: db.url });
  await using workLayer = await postgresChannelLayer({ url: db.url });
  await using web = await openTasks(db.url, { layer: webLayer });
  await using work = await openTasks(db.url, { layer: workLayer });
  const seen = Promise.withResolvers<void>();
  const count = defineTask({
    name: "count",
    input: z.object({ to: z.number() }),
    async run({ to }, { progress }) {
      progress(0.5, "half of it");
      // Goes on when the other instance has seen it: only what was told brings it there.
      await seen.promise;
      return to;
    },
  });
  const job = await web.tasks.delay(count, { to: 3 });
  work.tasks.work([count]);
  for await (const info of job.watch()) {
    if (info.progress?.text === "half of it") seen.resolve();
    if (info.state === "done") assert.equal(info.result, 3);
  }
  const { delivered } = webLayer.counters();
  assert.ok(delivered >= 2, `${delivered} events came over the bus`);
  assert.equal(await job.result(), 3);
  assert.deepEqual([...web.warnings, ...work.warnings], []);
});
