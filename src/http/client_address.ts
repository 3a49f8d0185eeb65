import type { Context } from "hono";
import type { RequestEnvironment } from "./context.ts";

/**
 * The address that limits are counted by. A header is believed only where the operator said that a
 * proxy sets it: anybody could send one.
 */
export function clientAddress(
  c: Context<RequestEnvironment>,
  trustedHeader: string | undefined,
): string {
  const forwarded = trustedHeader === undefined ? undefined : c.req.header(trustedHeader);
  return forwarded ?? c.env.incoming.socket.remoteAddress ?? "unknown";
}
