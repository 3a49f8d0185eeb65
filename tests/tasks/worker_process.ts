/**
 * A worker in a process of its own, to be killed. It says "working" when it is.
 *
 * @module
 */
import postgres from "postgres";
import { Tasks } from "../../src/tasks/mod.ts";
import { processTasks } from "./process_tasks.ts";

const { url, names, deadAfterMs, stopTimeoutMs } = JSON.parse(Deno.args[0]!);
const sql = postgres(url, { max: 4, onnotice: () => {} });
const tasks = await Tasks.open({ url, warn: console.error, deadAfterMs });
const known = Object.values(processTasks(sql)).filter(({ name }) => names.includes(name));
tasks.work(known, { stopTimeoutMs });
Deno.addSignalListener("SIGTERM", async () => {
  await tasks[Symbol.asyncDispose]();
  await sql.end();
  Deno.exit(0);
});
console.log("working");
