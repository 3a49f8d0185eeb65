import type { Hono } from "hono";
import type { HttpOptions, RequestEnvironment } from "../context.ts";

/** `/healthz`: the process lives. `/readyz`: it can serve; `degraded` still can. */
export function mountOperations(
  app: Hono<RequestEnvironment>,
  options: Pick<HttpOptions, "isReady">,
): void {
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    const { status } = await options.isReady();
    const serves = status === "ok" || status === "degraded";
    return c.json({ status }, serves ? 200 : 503);
  });
}
