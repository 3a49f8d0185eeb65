import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono } from "hono";
import { parseRoomName } from "../../protocol/room_name.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { problem } from "../problem.ts";

const YEAR_S = 365 * 24 * 60 * 60;

/** `/chat/` and `/chat/{room}/`: one page, built ahead; its assets are named by their content. */
export function mountPages(app: Hono<RequestEnvironment>, options: HttpOptions): void {
  const { pageDirectory } = options;
  app.get("/", (c) => c.redirect("/chat/"));
  app.get("/chat", (c) => c.redirect("/chat/"));
  app.get(
    "/assets/*",
    serveStatic({
      root: pageDirectory,
      onFound: (_path, c) => c.header("Cache-Control", `public, max-age=${YEAR_S}, immutable`),
    }),
  );
  app.get("/chat/", (c) => page(c.html.bind(c)));
  app.get("/chat/:room/", (c) => {
    const name = parseRoomName(c.req.param("room"));
    return name === null ? problem(c, "room_name_invalid") : page(c.html.bind(c));
  });
  app.get(
    "/chat/:room",
    (c) => c.redirect(`/chat/${encodeURIComponent(c.req.param("room"))}/`),
  );

  async function page(
    html: (
      text: string,
      status: 200 | 503,
      headers: Record<string, string>,
    ) => Response | Promise<Response>,
  ) {
    let text: string;
    try {
      text = await Deno.readTextFile(`${pageDirectory}/index.html`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return html(
        "<!doctype html><title>Maru</title><p>The page is not built: run <code>deno task start</code> or <code>deno task dev</code>.",
        503,
        {},
      );
    }
    return html(text, 200, { "Cache-Control": "no-cache" });
  }
}
