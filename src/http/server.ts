import { createAdaptorServer } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Server } from "node:http";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { acceptedSubprotocol } from "../channels/mod.ts";
import { isUnavailable } from "../db/errors.ts";
import { FRAME_MAX_BYTES } from "../protocol/codes.ts";
import type { HttpOptions, RequestEnvironment } from "./context.ts";
import { identity } from "./middleware/identity.ts";
import { checkOrigin } from "./middleware/origin.ts";
import { Operators } from "./operators.ts";
import { problem } from "./problem.ts";
import { mountAdministration } from "./routes/administration.ts";
import { mountOperations } from "./routes/operations.ts";
import { mountOperatorPages } from "./routes/operator_pages.ts";
import { mountPages } from "./routes/pages.ts";
import { mountPeople } from "./routes/people.ts";
import { mountReference } from "./routes/reference.ts";
import { mountRooms } from "./routes/rooms.ts";
import { mountTasks } from "./routes/tasks.ts";
import { mountRoomSocket } from "./sockets/mount.ts";
import { mountOperatorSockets } from "./sockets/mount_operator.ts";
import { TaskBoard } from "./task_board.ts";

/** A request's body is at most this long. */
export const BODY_MAX_BYTES = 256 * 1024;

// Up to twice a frame's limit it is read whole, so that the refusal can say why (4413); above, ws
// ends the connection with 1009 before it takes more memory.
const WS_MAX_PAYLOAD_BYTES = 2 * FRAME_MAX_BYTES;

/** The HTTP server: what is found where. Not listening yet. */
export function createServer(options: HttpOptions): Server {
  const app = new OpenAPIHono<RequestEnvironment>({
    defaultHook: (result, c) => {
      if (result.success) return;
      const errors = result.error.issues.map((issue) => ({
        field: issue.path.join("."),
        message: issue.message,
      }));
      return problem(c, "invalid", { errors });
    },
  });
  const { injectWebSocket, upgradeWebSocket, wss } = createNodeWebSocket({ app });
  wss.options.maxPayload = WS_MAX_PAYLOAD_BYTES;
  wss.options.handleProtocols = acceptedSubprotocol;

  app.onError((error, c) => {
    if (error instanceof HTTPException && error.status < 500) {
      return problem(c, "invalid", { detail: error.message });
    }
    if (isUnavailable(error)) return problem(c, "database_unavailable", { retryAfter: 1 });
    options.onError(`${c.req.method} ${c.req.path} failed`, error);
    return problem(c, "internal");
  });
  app.notFound((c) => problem(c, "not_found", { detail: c.req.path }));

  mountOperations(app, options);
  app.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "same-origin",
  }));
  app.use(checkOrigin(options.allowedOrigins));
  app.use(
    "/api/*",
    bodyLimit({ maxSize: BODY_MAX_BYTES, onError: (c) => problem(c, "too_large") }),
  );
  app.use("/api/*", identity(options.accounts));
  app.use("/ws/*", identity(options.accounts));

  const operators = new Operators({
    token: options.operatorToken,
    loopback: options.operatorsOnLoopback,
    clientAddressHeader: options.clientAddressHeader,
    allowedOrigins: options.allowedOrigins,
  });
  const board = new TaskBoard(options);
  mountAdministration(app, operators, options);
  mountTasks(app, board, options);
  mountOperatorSockets(app, upgradeWebSocket, board, options);
  mountOperatorPages(app, operators, options);

  mountRoomSocket(app, upgradeWebSocket, options);
  mountPeople(app, options);
  mountRooms(app, options);
  mountReference(app);
  mountPages(app, options);

  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  injectWebSocket(server);
  return server;
}
