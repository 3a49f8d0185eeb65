/**
 * `deno task migrate`: brings the database to the newest schema and ends. Safe to run from many
 * machines at once.
 *
 * @module
 */
import { migrateAll } from "./migrate_all.ts";

const url = Deno.env.get("DATABASE_DIRECT_URL") ?? Deno.env.get("DATABASE_URL");
if (url === undefined) {
  console.error("Cannot migrate: DATABASE_URL is not set");
  Deno.exit(2);
}
try {
  await migrateAll(url, console.log);
  console.log("The database is up to date");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
