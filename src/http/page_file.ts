import type { Context } from "hono";

const NOT_BUILT = "<!doctype html><title>Maru</title><p>The page is not built: run " +
  "<code>deno task start</code> or <code>deno task dev</code>.";

/** Answers with one of the pages that were built ahead. */
export async function pageFile(c: Context, directory: string, file: string): Promise<Response> {
  try {
    const text = await Deno.readTextFile(`${directory}/${file}`);
    return await c.html(text, 200, { "Cache-Control": "no-cache" });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return await c.html(NOT_BUILT, 503);
  }
}
