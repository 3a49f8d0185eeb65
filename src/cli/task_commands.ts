import type { JobInfo, JobState, Tasks } from "../tasks/mod.ts";
import type { Arguments, CommandName } from "./arguments.ts";
import { oneLine, shortened, span, table, time } from "./table.ts";

/** Prints what a command has to say. */
export type Print = (text: string) => void;

/** It could not be done; the message says what, one line for each. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

const DETAIL_LENGTH = 60;

/**
 * Does what the command line asks for.
 *
 * @throws {CommandError} naming what is not there, or not in a state for it; the rest is done
 */
export async function runCommand(tasks: Tasks, args: Arguments, print: Print): Promise<void> {
  await COMMANDS[args.command](tasks, args, print);
}

const COMMANDS: Readonly<
  Record<CommandName, (tasks: Tasks, args: Arguments, print: Print) => Promise<void>>
> = {
  overview,
  list,
  show,
  retry: (tasks, args, print) =>
    each(args, print, "Queued again", async (id) => {
      if (!await tasks.retry(id)) throw notInState(id, "has not failed", await tasks.show(id));
    }),
  cancel: (tasks, args, print) =>
    each(args, print, "Cancelled", async (id) => {
      if (!await tasks.cancel(id)) {
        throw notInState(id, "neither waits nor runs", await tasks.show(id));
      }
    }),
  schedules,
  pause: (tasks, args, print) =>
    each(args, print, "Paused", (name) => existing(name, tasks.pauseSchedule(name))),
  resume: (tasks, args, print) =>
    each(args, print, "Goes on", (name) => existing(name, tasks.resumeSchedule(name))),
  run: (tasks, args, print) =>
    each(args, print, "Queued", async (name) => {
      const job = tasks.runSchedule(name);
      await existing(name, job.then((it) => it !== null));
      return { job: (await job)!.id };
    }),
};

async function overview(tasks: Tasks, { json }: Arguments, print: Print): Promise<void> {
  const queues = await tasks.overview();
  if (json) return print(JSON.stringify(queues, null, 2));
  print(table(
    ["TASK", "WAITING", "OLDEST", "DEFERRED", "RUNNING", "FAILED", "DONE/MIN", "DONE/H"],
    queues.map((queue) => [
      queue.task,
      String(queue.waiting),
      queue.waiting === 0 ? "" : span(queue.oldestWaitingMs),
      String(queue.deferred),
      String(queue.active),
      String(queue.failed),
      String(queue.doneLastMinute),
      String(queue.doneLastHour),
    ]),
  ));
}

async function list(tasks: Tasks, args: Arguments, print: Print): Promise<void> {
  const { state, task, limit, json } = args;
  const states: JobState[] = state === undefined ? ["running", "waiting", "failed"] : [state];
  const jobs: JobInfo[] = [];
  for (const each of states) {
    jobs.push(...await tasks.list({ state: each, limit, ...(task === undefined ? {} : { task }) }));
  }
  if (json) return print(JSON.stringify(jobs, null, 2));
  if (jobs.length === 0) return print("There are no such jobs");
  print(table(
    ["ID", "TASK", "STATE", "ATTEMPT", "TIME (UTC)", ""],
    jobs.map((job) => [
      job.id,
      job.task,
      job.state,
      `${job.attempt}/${job.retries + 1}`,
      time(job.finishedAt ?? (job.state === "running" ? job.startedAt : job.dueAt)),
      shortened(detail(job), DETAIL_LENGTH),
    ]),
  ));
}

async function show(tasks: Tasks, args: Arguments, print: Print): Promise<void> {
  const jobs: JobInfo[] = [];
  const missing: string[] = [];
  for (const id of args.names) {
    const job = await tasks.show(id);
    if (job === null) missing.push(noSuchJob(id));
    else jobs.push(job);
  }
  if (args.json) print(JSON.stringify(jobs, null, 2));
  else if (jobs.length > 0) print(jobs.map(describe).join("\n\n"));
  if (missing.length > 0) throw new CommandError(missing.join("\n"));
}

async function schedules(tasks: Tasks, { json }: Arguments, print: Print): Promise<void> {
  const all = await tasks.schedules();
  if (json) return print(JSON.stringify(all, null, 2));
  if (all.length === 0) return print("There are no schedules: a worker declares them at its start");
  print(table(
    ["SCHEDULE", "CRONTAB", "TIME ZONE", "TASK", "LAST (UTC)", "NEXT (UTC)"],
    all.map((schedule) => [
      schedule.name,
      schedule.crontab,
      schedule.timeZone,
      schedule.task,
      time(schedule.lastAt),
      schedule.paused ? "paused" : time(schedule.nextAt),
    ]),
  ));
}

/** Does something to each that was named; what fails for one keeps no other from it. */
async function each(
  { names, json }: Arguments,
  print: Print,
  done: string,
  act: (name: string) => Promise<object | void>,
): Promise<void> {
  const errors: string[] = [];
  const results: object[] = [];
  for (const name of names) {
    try {
      const more = await act(name) ?? {};
      results.push({ name, ...more });
      if (!json) print([`${done}: ${name}`, ...Object.values(more)].join(", job "));
    } catch (error) {
      errors.push((error as Error).message);
    }
  }
  if (json) print(JSON.stringify(results, null, 2));
  if (errors.length > 0) throw new CommandError(errors.join("\n"));
}

async function existing(name: string, found: Promise<boolean>): Promise<void> {
  if (!await found) throw new CommandError(`There is no schedule "${name}"`);
}

function notInState(id: string, what: string, job: JobInfo | null): CommandError {
  return new CommandError(
    job === null ? noSuchJob(id) : `Job ${id} of ${job.task} ${what}: it is ${job.state}`,
  );
}

function noSuchJob(id: string): string {
  return `There is no job ${id}, or it is no longer kept`;
}

function detail({ state, progress, error, result }: JobInfo): string {
  if (progress !== undefined) return `${Math.round(progress.fraction * 100)} % ${progress.text}`;
  if (error !== undefined) return `${error.name}: ${error.message}`;
  return state === "done" ? JSON.stringify(result) ?? "" : "";
}

function describe(job: JobInfo): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Job", job.id],
    ["Task", job.task],
    ["State", job.state],
    ["Input", JSON.stringify(job.input)],
    ["Result", job.state === "done" ? JSON.stringify(job.result) : undefined],
    ["Progress", job.progress && detail(job)],
    ["Attempt", `${job.attempt} of ${job.retries + 1}`],
    ["Priority", job.priority === 0 ? undefined : String(job.priority)],
    ["Unique key", job.uniqueKey],
    ["Queued", time(job.createdAt)],
    ["Due", time(job.dueAt)],
    ["Started", time(job.startedAt)],
    ["Finished", time(job.finishedAt)],
    ["Error", job.error && `${job.error.name}: ${job.error.message}`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.flatMap(([name, value]) =>
    value ? [`${name.padEnd(width)}  ${oneLine(value)}`] : []
  );
  const stack = job.error?.stack?.split("\n").map(oneLine) ?? [];
  return [...lines, ...stack].join("\n");
}
