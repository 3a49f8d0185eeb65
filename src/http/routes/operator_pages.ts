import type { Context, Hono } from "hono";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import type { Operators } from "../operators.ts";
import { pageFile } from "../page_file.ts";

/**
 * `/admin/tasks/`, and `/examples/task/`, which starts tasks as only operators may. The pages ask
 * for the token themselves, and hold nothing of their own: what they show comes from the API.
 */
export function mountOperatorPages(
  app: Hono<RequestEnvironment>,
  operators: Operators,
  { pageDirectory }: HttpOptions,
): void {
  const get = (path: string, answer: (c: Context) => Response | Promise<Response>) =>
    app.get(path, async (c) => {
      // A stranger sees a page only where a token may make an operator of them.
      const mayCome = operators.canSignIn || operators.recognize(c) !== null;
      return mayCome ? await answer(c) : await c.notFound();
    });
  for (const path of ["/admin", "/admin/", "/admin/tasks"]) {
    get(path, (c) => c.redirect("/admin/tasks/"));
  }
  get("/admin/tasks/", (c) => pageFile(c, pageDirectory, "tasks.html"));
  get("/examples/task", (c) => c.redirect("/examples/task/"));
  get("/examples/task/", (c) => pageFile(c, pageDirectory, "task_example.html"));
}
