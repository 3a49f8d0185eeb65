/**
 * How soon a task starts on an idle server that works inline: after `delay`, after its due time, and
 * when it is tried again. `deno run --allow-all tests/bench/tasks/main.ts`
 *
 * @module
 */
import { z } from "zod";
import { startApp } from "../../../src/app.ts";
import { parseConfig } from "../../../src/config.ts";
import { startEmbeddedPostgres } from "../../../src/dev/embedded_postgres.ts";
import type { Log } from "../../../src/logger.ts";
import { defineTask, Tasks } from "../../../src/tasks/mod.ts";
import { Histogram } from "../histogram.ts";

const AT_ONCE = 300;
const DEFERRED = 100;
const RETRIED = 30;
/** Between two of those at once, so that each finds the worker idle; never in step with its looks. */
const PAUSE_MS = 23;
const DUE_WITHIN_MS = 8_000;

const started = new Map<string, number>();
const note = defineTask({
  name: "bench.note",
  input: z.null(),
  run: (_input, { job }) => void started.set(job.id, performance.timeOrigin + performance.now()),
});
const failOnce = defineTask({
  name: "bench.fail_once",
  input: z.null(),
  retries: 1,
  run: (_input, { job }) => {
    if (!job.last) throw new Error("The first time");
    started.set(job.id, performance.timeOrigin + performance.now());
  },
});

const quiet: Log = {
  info: () => {},
  warn: console.warn,
  error: console.error,
  close: () => Promise.resolve(),
};

const directory = await Deno.makeTempDir({ prefix: "maru-bench-tasks-" });
await Deno.chmod(directory, 0o755);
try {
  await using server = await startEmbeddedPostgres({ directory });
  const config = parseConfig({
    DATABASE_URL: server.url,
    HOST: "127.0.0.1",
    PORT: "0",
    WORKERS: "inline",
  });
  const app = await startApp(config, quiet, { tasks: [note, failOnce], drainMs: 0 });
  {
    await using tasks = await Tasks.open({ url: server.url, migrate: false, warn: console.warn });
    // The first of each makes its queue.
    await (await tasks.delay(note, null)).result();
    print("started after delay()", await measureAtOnce(tasks));
    print("started after its due time", await measureDeferred(tasks));
    print("tried again after its due time", await measureRetried(tasks));
  }
  await app.stop();
} finally {
  await Deno.remove(directory, { recursive: true });
}

async function measureAtOnce(tasks: Tasks): Promise<Histogram> {
  const histogram = new Histogram();
  for (let n = 0; n < AT_ONCE; n++) {
    const from = performance.timeOrigin + performance.now();
    const job = await tasks.delay(note, null);
    await job.result();
    histogram.add(started.get(job.id)! - from);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return histogram;
}

async function measureDeferred(tasks: Tasks): Promise<Histogram> {
  const jobs = [];
  for (let n = 0; n < DEFERRED; n++) {
    jobs.push(await tasks.delay(note, null, { in: Math.random() * DUE_WITHIN_MS }));
  }
  return await lateness(tasks, jobs);
}

async function measureRetried(tasks: Tasks): Promise<Histogram> {
  const jobs = [];
  for (let n = 0; n < RETRIED; n++) jobs.push(await tasks.delay(failOnce, null));
  return await lateness(tasks, jobs);
}

/** The database is on this machine: its clock is ours. */
async function lateness(
  tasks: Tasks,
  jobs: readonly { id: string; result(): Promise<unknown> }[],
): Promise<Histogram> {
  const histogram = new Histogram();
  for (const job of jobs) {
    await job.result();
    const { dueAt } = (await tasks.show(job.id))!;
    histogram.add(started.get(job.id)! - dueAt.getTime());
  }
  return histogram;
}

function print(what: string, histogram: Histogram): void {
  const ms = (share: number) => histogram.quantile(share).toFixed(1).padStart(7);
  console.log(
    `${what.padEnd(32)} n ${histogram.count}  p50 ${ms(0.5)} ms  p95 ${ms(0.95)} ms  max ${
      histogram.max.toFixed(1).padStart(7)
    } ms`,
  );
}
