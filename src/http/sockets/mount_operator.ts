import type { Context, Hono } from "hono";
import { websocketConsumer } from "../../channels/mod.ts";
import type { HttpOptions, RequestEnvironment, Upgrade } from "../context.ts";
import { problem } from "../problem.ts";
import type { TaskBoard } from "../task_board.ts";
import { SweepConsumer } from "../task_example/sweep_consumer.ts";
import { requireUpgrade } from "./mount.ts";
import type { OperatorConsumer, OperatorConsumerOptions } from "./operator_consumer.ts";
import { TaskBoardConsumer } from "./task_board_consumer.ts";

/**
 * Mounts the sockets of operators: `/ws/admin/tasks/` and `/ws/examples/task/`. Only operators get
 * here: `mountAdministration` comes first.
 */
export function mountOperatorSockets(
  app: Hono<RequestEnvironment>,
  upgrade: Upgrade,
  board: TaskBoard,
  { layer, sockets, tasks, onError }: HttpOptions,
): void {
  const mount = (path: string, make: (options: OperatorConsumerOptions) => OperatorConsumer) => {
    const consumer = (c: Context<RequestEnvironment>) =>
      sockets.full
        ? problem(c, "too_many_sockets", { retryAfter: 5 })
        : make({ sockets, connection: c.env.incoming.socket, operator: c.get("operator") });
    app.on(
      "GET",
      [path, path.slice(0, -1)],
      requireUpgrade,
      websocketConsumer<RequestEnvironment>(upgrade, consumer, { layer, warn: onError }),
    );
  };
  mount("/ws/admin/tasks/", (options) => new TaskBoardConsumer(board, options));
  mount("/ws/examples/task/", (options) => new SweepConsumer(tasks, options));
}
