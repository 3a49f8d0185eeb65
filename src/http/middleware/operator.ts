import type { MiddlewareHandler } from "hono";
import type { RequestEnvironment } from "../context.ts";
import type { Operators } from "../operators.ts";
import { problem } from "../problem.ts";

/**
 * Lets only operators through. To others, what is behind it does not exist where there is no token
 * to sign in with; where there is one, they are told to sign in, the same whether they sent a wrong
 * token or none.
 *
 * @example
 * ```ts ignore
 * app.use("/api/admin/*", requireOperator(operators));
 * ```
 */
export function requireOperator(operators: Operators): MiddlewareHandler<RequestEnvironment> {
  return async function requireOperator(c, next) {
    const operator = operators.recognize(c);
    if (operator === null && !operators.canSignIn) return await c.notFound();
    c.header("Cache-Control", "no-store");
    if (operator === null) {
      c.header("WWW-Authenticate", 'Bearer realm="maru"');
      return problem(c, "not_operator");
    }
    c.set("operator", operator);
    await next();
  };
}
