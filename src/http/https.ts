import type { Context } from "hono";

/** Whether the browser speaks TLS, to this server or to the proxy before it. */
export function isHttps(c: Context): boolean {
  return new URL(c.req.url).protocol === "https:" ||
    c.req.header("x-forwarded-proto") === "https";
}
