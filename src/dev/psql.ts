/**
 * `deno task psql`: opens psql on the database in use.
 *
 * @module
 */
import { findRunning } from "./embedded_postgres.ts";
import { DATA_DIRECTORY } from "./main.ts";

const url = Deno.env.get("DATABASE_URL") || await embeddedUrl();
if (url === null) {
  console.error(
    "Cannot open psql: no database runs here; start `deno task dev` first, or set DATABASE_URL",
  );
  Deno.exit(1);
}
try {
  const { code } = await new Deno.Command("psql", { args: [url, ...Deno.args] }).spawn().status;
  Deno.exit(code);
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.error(
    `Cannot open psql: it is not installed; install it (Debian: apt-get install postgresql-client, ` +
      `macOS: brew install libpq), or use any other client on ${url}`,
  );
  Deno.exit(1);
}

async function embeddedUrl(): Promise<string | null> {
  try {
    const server = await findRunning(await Deno.realPath(`${DATA_DIRECTORY}/data`));
    return server === null ? null : `postgres://postgres@127.0.0.1:${server.port}/postgres`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
