import { findRunning } from "./embedded_postgres.ts";
import { DATA_DIRECTORY } from "./main.ts";

/** The URL of the database that `deno task dev` keeps running here, or null. */
export async function embeddedUrl(): Promise<string | null> {
  try {
    const server = await findRunning(await Deno.realPath(`${DATA_DIRECTORY}/data`));
    return server === null ? null : `postgres://postgres@127.0.0.1:${server.port}/postgres`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
