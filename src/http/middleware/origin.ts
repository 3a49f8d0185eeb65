import type { MiddlewareHandler } from "hono";
import { problem } from "../problem.ts";

/**
 * Refuses what a page from elsewhere makes a browser send: requests that change something, and
 * sockets, which no same-origin policy protects. Programs send no `Origin` and pass.
 *
 * @example
 * ```ts ignore
 * app.use("/api/*", checkOrigin(["https://chat.example.org"]));
 * ```
 */
export function checkOrigin(allowed: readonly string[]): MiddlewareHandler {
  return async function checkOrigin(c, next) {
    const origin = c.req.header("origin");
    const reads = ["GET", "HEAD", "OPTIONS"].includes(c.req.method) &&
      c.req.header("upgrade") === undefined;
    if (origin === undefined || reads || isAllowed(origin, c.req.header("host"), allowed)) {
      return await next();
    }
    return problem(c, "origin_refused", { detail: `Origin ${origin} is not allowed` });
  };
}

function isAllowed(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  if (allowed.length > 0) return allowed.includes(origin);
  // Behind a proxy that ends TLS the schemes differ, the host does not.
  return URL.parse(origin)?.host === host;
}
