import { parseArgs } from "node:util";
import type { JobState } from "../tasks/mod.ts";

/** What the command line asks for. */
export interface Arguments {
  readonly command: CommandName;
  /** Ids of jobs, or names of schedules. */
  readonly names: readonly string[];
  readonly state: JobState | undefined;
  readonly task: string | undefined;
  readonly limit: number;
  readonly json: boolean;
}

/** The commands, with what follows each. */
export const COMMANDS = {
  overview: { takes: "nothing", says: "figures of each task" },
  list: { takes: "nothing", says: "jobs that run, wait or have failed; others by --state" },
  show: { takes: "ids", says: "all that is known of a job" },
  retry: { takes: "ids", says: "queue failed jobs once more" },
  cancel: { takes: "ids", says: "cancel jobs that wait or run" },
  schedules: { takes: "nothing", says: "what is done again and again" },
  pause: { takes: "names", says: "let schedules rest" },
  resume: { takes: "names", says: "let schedules go on, with their next tick" },
  run: { takes: "names", says: "queue a schedule's job now, beside its ticks" },
} as const;

/** One of them. */
export type CommandName = keyof typeof COMMANDS;

/** The command line is not right; the message says what is. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const STATES: readonly string[] = [
  "waiting",
  "running",
  "done",
  "failed",
  "cancelled",
] satisfies JobState[];
const DEFAULT_LIMIT = 20;
const LIMIT_MAX = 10_000;

/** How it is called. */
export const USAGE = `deno task tasks <command>

${
  Object.entries(COMMANDS).map(([name, { takes, says }]) => {
    const follows = takes === "ids" ? " <id> …" : takes === "names" ? " <schedule> …" : "";
    return `  ${(name + follows).padEnd(24)}${says}`;
  }).join("\n")
}

  --state <state>         for list: ${STATES.join(", ")}
  --task <name>           for list: of this task only
  --limit <number>        for list: of each state at most so many; ${DEFAULT_LIMIT} unless said
  --json                  for programs

The database is DATABASE_URL, or the one that \`deno task dev\` keeps running here.`;

/**
 * Reads the command line.
 *
 * @throws {UsageError} saying which word is wrong
 */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  const [command, ...names] = positionals;
  if (command === undefined) throw new UsageError("Which command?");
  if (!Object.hasOwn(COMMANDS, command)) throw new UsageError(`There is no command "${command}"`);
  const { takes } = COMMANDS[command as CommandName];
  if (takes === "nothing" && names.length > 0) {
    throw new UsageError(`"${command}" takes no "${names[0]}"`);
  }
  if (takes !== "nothing" && names.length === 0) {
    throw new UsageError(`"${command}" takes ${takes === "ids" ? "ids of jobs" : "schedules"}`);
  }
  const { state, task, limit = String(DEFAULT_LIMIT), json = false } = values;
  for (const [option, value] of Object.entries({ state, task, limit: values.limit })) {
    if (value !== undefined && command !== "list") {
      throw new UsageError(`--${option} is for "list"`);
    }
  }
  if (state !== undefined && !STATES.includes(state)) {
    throw new UsageError(`There is no state "${state}": it is one of ${STATES.join(", ")}`);
  }
  if (!/^[1-9]\d{0,4}$/.test(limit) || Number(limit) > LIMIT_MAX) {
    throw new UsageError(`--limit ${limit} is no whole number from 1 to ${LIMIT_MAX}`);
  }
  return {
    command: command as CommandName,
    names,
    state: state as JobState | undefined,
    task,
    limit: Number(limit),
    json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        state: { type: "string" },
        task: { type: "string" },
        limit: { type: "string" },
        json: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]!);
  }
}
