import type { Server } from "node:http";
import { Accounts } from "./accounts/mod.ts";
import { type Background, type BackgroundOptions, startBackground } from "./background.ts";
import { Chat } from "./chat/mod.ts";
import type { Config } from "./config.ts";
import { openGround } from "./ground.ts";
import { createServer } from "./http/server.ts";
import { Sockets } from "./http/sockets/sockets.ts";
import { listen } from "./listen.ts";
import type { Log } from "./logger.ts";

/** Sockets are told to go over this time, so that the other instances are not overrun. */
export const DRAIN_MS = 8_000;
/** So long may tasks go on while sockets are told to go; together with what follows about as long. */
export const INLINE_STOP_MS = 6_000;

// Two writers keep two cores of the database busy; more would only contend.
const WRITERS = 2;

/** A running instance. */
export interface App {
  readonly server: Server;
  readonly sockets: Sockets;
  /** Lets everybody go, in good order. */
  stop(): Promise<void>;
}

/** What an application adds, and what only tests set. */
export interface AppOptions extends BackgroundOptions {
  /** @default {DRAIN_MS} */
  readonly drainMs?: number;
}

/** Wires the server together; `startWorker` does so for a process that serves nobody. */
export async function startApp(config: Config, log: Log, options: AppOptions = {}): Promise<App> {
  const { drainMs = DRAIN_MS } = options;
  const ground = await openGround(config, log);
  const { readers, bus, layer, tasks } = ground;
  const onError = (message: string, error: unknown) => log.error(message, error);
  const writerPools = Array.from(
    { length: WRITERS },
    () => ground.openPool({ name: "maru-writer" }),
  );
  const guests = config.GUESTS;
  const chat = new Chat({
    writerPools,
    readers,
    bus,
    layer,
    guests,
    roomCreation: config.ROOM_CREATION,
    messageRate: { perSecond: config.MESSAGE_RATE, burst: config.MESSAGE_BURST },
    onError,
  });
  const accounts = new Accounts({ readers });
  const sockets = new Sockets(chat.turn.defer);
  const server = createServer({
    accounts,
    chat,
    bus,
    layer,
    tasks,
    sockets,
    guests,
    allowedOrigins: config.ALLOWED_ORIGINS,
    clientAddressHeader: config.CLIENT_ADDRESS_HEADER,
    operatorToken: config.OPERATOR_TOKEN,
    operatorsOnLoopback: config.OPERATORS === "loopback",
    pageDirectory: "dist",
    isReady: async () => sockets.draining ? { status: "draining" } : await ground.readiness(),
    onError,
  });
  // Without its port the process ends: it must not have begun anything by then.
  await listen(server, config);
  const background: Background | null = config.WORKERS === "off"
    ? null
    : await startBackground(ground, log, { stopTimeoutMs: INLINE_STOP_MS, ...options });
  return {
    server,
    sockets,
    async stop() {
      await Promise.all([sockets.drain(drainMs), background?.stop()]);
      server.close();
      await chat[Symbol.asyncDispose]();
      await sockets[Symbol.asyncDispose]();
      server.closeAllConnections();
      await ground[Symbol.asyncDispose]();
      await Promise.all(writerPools.map((pool) => pool[Symbol.asyncDispose]()));
    },
  };
}
