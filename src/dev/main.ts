/**
 * `deno task dev`: an embedded PostgreSQL unless DATABASE_URL is set, the page, the server, and all
 * of it again when the code changes.
 *
 * @module
 */
import { Supervisor } from "./supervisor.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded_postgres.ts";

/** Where the embedded database is kept between starts. */
export const DATA_DIRECTORY = ".data/postgres";

if (import.meta.main) await main();

async function main(): Promise<void> {
  const stop = stopRequested();
  let embedded: EmbeddedPostgres | null = null;
  let code = 1;
  try {
    let databaseUrl = Deno.env.get("DATABASE_URL");
    if (!databaseUrl) {
      embedded = await startEmbeddedPostgres({ directory: DATA_DIRECTORY, progress: say });
      databaseUrl = embedded.url;
    }
    const supervisor = new Supervisor({ databaseUrl, say });
    code = await supervisor.run(stop);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  } finally {
    await embedded?.[Symbol.asyncDispose]();
  }
  Deno.exit(code);
}

function say(line: string): void {
  console.log(`maru  ${line}`);
}

/** Aborts at Ctrl-C or SIGTERM; they may come twice, from the terminal and from `deno task`. */
function stopRequested(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!controller.signal.aborted) say("Stopping …");
      controller.abort();
    });
  }
  return controller.signal;
}
