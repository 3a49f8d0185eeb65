import type { Server } from "node:http";
import { Accounts } from "./accounts/mod.ts";
import {
  type Bus,
  ChannelLayer,
  migrateChannels,
  openPostgresBus,
  postgresStores,
} from "./channels/mod.ts";
import { Chat } from "./chat/mod.ts";
import type { Config } from "./config.ts";
import { migrate, requireServerLevel } from "./db/migrations.ts";
import { Pool } from "./db/pool.ts";
import type { Readiness } from "./http/context.ts";
import { createServer } from "./http/server.ts";
import { Sockets } from "./http/sockets/sockets.ts";
import type { Log } from "./logger.ts";
import { migrateTasks, Tasks } from "./tasks/mod.ts";

/** Sockets are told to go over this time, so that the other instances are not overrun. */
export const DRAIN_MS = 8_000;
/** A server without the database for this long is not ready. */
export const UNREADY_AFTER_MS = 10_000;

// Two writers keep two cores of the database busy; more would only contend.
const WRITERS = 2;
const READERS = 4;
const READY_TIMEOUT_MS = 2_000;

/** A running instance. */
export interface App {
  readonly server: Server;
  readonly sockets: Sockets;
  /** Lets everybody go, in good order. */
  stop(): Promise<void>;
}

/** What only tests set. */
export interface AppOptions {
  /** @default {DRAIN_MS} */
  readonly drainMs?: number;
}

/** Wires everything together: the only place where that happens. */
export async function startApp(
  config: Config,
  log: Log,
  { drainMs = DRAIN_MS }: AppOptions = {},
): Promise<App> {
  const url = config.DATABASE_URL;
  const directUrl = config.DATABASE_DIRECT_URL ?? url;
  // A pooler in transaction mode and prepared statements do not go together.
  const prepare = directUrl === url;
  const onError = (message: string, error: unknown) => log.error(message, error);

  if (config.MIGRATE === "on") {
    const told = { log: (line: string) => log.info(line) };
    await migrateChannels(directUrl, told);
    await migrate(directUrl, told);
    await migrateTasks(directUrl);
  }
  const readers = new Pool(url, { name: "maru-reader", max: READERS, prepare });
  await readers.query((sql) => requireServerLevel(sql));
  const bus = await openPostgresBus({ url, directUrl, warn: log.warn });
  const stores = postgresStores({ url, directUrl, warn: log.warn });
  // Nobody asks this layer who is in a group, so nothing is written of it.
  const layer = new ChannelLayer(bus, { warn: log.warn }, {
    queues: stores.queues,
    owned: [stores],
  });
  const tasks = await Tasks.open({ url, directUrl, layer, warn: log.warn, migrate: false });
  const writerPools = Array.from(
    { length: WRITERS },
    () => new Pool(url, { name: "maru-writer", prepare }),
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
    pageDirectory: "dist",
    isReady: readiness(readers, bus, sockets),
    onError,
  });
  await listen(server, config);
  return {
    server,
    sockets,
    async stop() {
      await sockets.drain(drainMs);
      server.close();
      await chat[Symbol.asyncDispose]();
      await tasks[Symbol.asyncDispose]();
      await layer.close();
      await bus.close();
      await sockets[Symbol.asyncDispose]();
      server.closeAllConnections();
      await Promise.all([readers, ...writerPools].map((pool) => pool[Symbol.asyncDispose]()));
    },
  };
}

function readiness(readers: Pool, bus: Bus, sockets: Sockets): () => Promise<Readiness> {
  let lastSeen = performance.now();
  return async () => {
    if (sockets.draining) return { status: "draining" };
    try {
      await readers.query((sql) => sql`select 1`, READY_TIMEOUT_MS);
      lastSeen = performance.now();
      return { status: bus.health().listening ? "ok" : "degraded" };
    } catch {
      return {
        status: performance.now() - lastSeen < UNREADY_AFTER_MS ? "degraded" : "unavailable",
      };
    }
  };
}

/** @throws {Error} when the port cannot be had */
function listen(server: Server, { PORT, HOST }: Config): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(
      new Error(
        (error as { code?: string }).code === "EADDRINUSE"
          ? `Cannot listen on ${HOST}:${PORT}: the port is taken; stop what uses it or set PORT`
          : `Cannot listen on ${HOST}:${PORT}: ${error.message}`,
      ),
    ));
  server.listen(PORT, HOST, resolve);
  return promise;
}
