/**
 * `deno task migrate`: brings the database to the newest schema and ends.
 *
 * @module
 */
import { migrate } from "./db/migrations.ts";
const url = Deno.env.get("DATABASE_DIRECT_URL") ?? Deno.env.get("DATABASE_URL");
await migrate(url!, { log: console.log });
