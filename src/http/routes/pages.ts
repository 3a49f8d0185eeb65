import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono } from "hono";
import { parseRoomName } from "../../protocol/room_name.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { pageFile } from "../page_file.ts";
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
  app.get("/chat/", (c) => pageFile(c, pageDirectory, "index.html"));
  app.get("/chat/:room/", (c) => {
    const name = parseRoomName(c.req.param("room"));
    return name === null
      ? problem(c, "room_name_invalid")
      : pageFile(c, pageDirectory, "index.html");
  });
  app.get(
    "/chat/:room",
    (c) => c.redirect(`/chat/${encodeURIComponent(c.req.param("room"))}/`),
  );
}
