import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Server } from "node:http";
import { type BackgroundOptions, startBackground } from "./background.ts";
import type { Config } from "./config.ts";
import { openGround } from "./ground.ts";
import type { RequestEnvironment } from "./http/context.ts";
import { mountOperations } from "./http/routes/operations.ts";
import { listen } from "./listen.ts";
import type { Log } from "./logger.ts";

/** A running worker. */
export interface WorkerProcess {
  /** Answers `/healthz` and `/readyz`. */
  readonly server: Server;
  /** Lets what runs end, or gives it back. */
  stop(): Promise<void>;
}

/** Wires a process together that works and serves nobody: `WORKERS=only`. */
export async function startWorker(
  config: Config,
  log: Log,
  options: BackgroundOptions = {},
): Promise<WorkerProcess> {
  const ground = await openGround(config, log);
  let state: "starting" | "working" | "draining" = "starting";
  const app = new Hono<RequestEnvironment>();
  mountOperations(app, {
    isReady: async () => {
      if (state === "working") return await ground.readiness();
      return { status: state === "draining" ? "draining" : "unavailable" };
    },
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // Without its port the process ends: it must not have begun anything by then.
  await listen(server, config);
  const background = await startBackground(ground, log, options);
  state = "working";
  return {
    server,
    async stop() {
      state = "draining";
      await background.stop();
      server.close();
      server.closeAllConnections();
      await ground[Symbol.asyncDispose]();
    },
  };
}
