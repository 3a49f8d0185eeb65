/**
 * `deno task tasks`: looks at background work, and decides about it. Exits with 0 when all is done,
 * with 1 when something could not be, and with 2 when the command line is not right.
 *
 * @module
 */
import { Tasks } from "../tasks/mod.ts";
import { parseArguments, USAGE, UsageError } from "./arguments.ts";
import { CommandError, runCommand } from "./task_commands.ts";

const OPEN_TIMEOUT_MS = 3_000;

Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0 || args.includes("--help") || args[0] === "help") {
    console.log(USAGE);
    return args.length === 0 ? 2 : 0;
  }
  try {
    const asked = parseArguments(args);
    const url = await databaseUrl();
    await using tasks = await openTasks(url);
    await runCommand(tasks, asked, console.log);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function databaseUrl(): Promise<string> {
  const given = Deno.env.get("DATABASE_URL");
  if (given) return given;
  // What only a developer's machine has is loaded only there.
  const { embeddedUrl } = await import("../dev/embedded_url.ts");
  const url = await embeddedUrl();
  if (url !== null) return url;
  throw new CommandError(
    "Cannot look at background work: no database runs here; set DATABASE_URL, or start `deno task dev` first",
  );
}

/** Changes nothing in a database that has another version. */
async function openTasks(url: string): Promise<Tasks> {
  try {
    return await Tasks.open({
      url,
      directUrl: Deno.env.get("DATABASE_DIRECT_URL") || url,
      migrate: false,
      openTimeoutMs: OPEN_TIMEOUT_MS,
      warn: (message, error) => console.error(message, error),
    });
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    throw new CommandError(
      `Cannot look at background work in the database: ${
        message || code
      }; is it up, and has \`deno task migrate\` been run?`,
      { cause: error },
    );
  }
}
