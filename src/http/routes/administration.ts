import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { RateLimit } from "../../chat/mod.ts";
import { operatorBody, signInBody } from "../../protocol/task_bodies.ts";
import { clientAddress } from "../client_address.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { requireOperator } from "../middleware/operator.ts";
import { checkOrigin } from "../middleware/origin.ts";
import { json, refusals } from "../openapi.ts";
import type { Operator, Operators } from "../operators.ts";
import { problem } from "../problem.ts";

/** How often one address may try a token: one in ten seconds, after five at once. */
export const SIGN_IN_RATE = { perSecond: 0.1, burst: 5 } as const;

const SESSION = "/api/admin/session";

/** `/api/admin/session`, and the doors before all other administration. */
export function mountAdministration(
  app: OpenAPIHono<RequestEnvironment>,
  operators: Operators,
  options: HttpOptions,
): void {
  const signIns = new RateLimit(SIGN_IN_RATE);
  // Also where pages of other origins may chat: none of them administrates.
  app.use("/api/admin/*", checkOrigin([]));
  const door = requireOperator(operators);
  app.use("/api/admin/*", async (c, next) => {
    if (c.req.path !== SESSION || c.req.method !== "PUT") return await door(c, next);
    // The way in; where there is no token to come with, it leads nowhere.
    return operators.canSignIn ? await next() : await c.notFound();
  });
  for (const path of ["/ws/admin/*", "/ws/examples/*"]) app.use(path, checkOrigin([]), door);

  app.openapi(
    createRoute({
      method: "get",
      path: SESSION,
      tags: ["Administration"],
      summary: "Whether I am an operator",
      responses: {
        200: json(operatorBody, "You are"),
        ...refusals({ 401: "You are not", 404: "Nobody can be, from where you are" }),
      },
    }),
    (c) => c.json(operatorView(c.get("operator")), 200),
  );

  app.openapi(
    createRoute({
      method: "put",
      path: SESSION,
      tags: ["Administration"],
      summary: "Sign in as the operator",
      description: "Sets a cookie. Programs send `Authorization: Bearer` with the token instead.",
      request: { body: { ...json(signInBody, "The operator's token"), required: true } },
      responses: {
        200: json(operatorBody, "You are the operator"),
        ...refusals({
          400: "Something in the request is not valid",
          401: "This is not the token",
          404: "Nobody can be, from where you are",
          429: "Too many attempts: wait as Retry-After says",
        }),
      },
    }),
    (c) => {
      const retryAfter = signIns.take(clientAddress(c, options.clientAddressHeader));
      if (retryAfter > 0) return problem(c, "rate_limited", { retryAfter }) as never;
      if (!operators.isToken(c.req.valid("json").token)) {
        return problem(c, "not_operator") as never;
      }
      return c.json(operatorView(operators.signIn(c)), 200, { "Cache-Control": "no-store" });
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: SESSION,
      tags: ["Administration"],
      summary: "Sign out",
      responses: {
        200: json(operatorBody, "The cookie is gone"),
        ...refusals({ 401: "You are not the operator", 404: "Nobody can be, from where you are" }),
      },
    }),
    (c) => {
      operators.signOut(c);
      return c.json(operatorView(c.get("operator")), 200);
    },
  );
}

function operatorView({ by, until }: Operator) {
  return { by, until: until === Infinity ? null : new Date(until).toISOString() };
}
