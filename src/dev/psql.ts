/**
 * `deno task psql`: opens psql on the database in use.
 *
 * @module
 */
import { embeddedUrl } from "./embedded_url.ts";

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
