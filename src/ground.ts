import { type Bus, ChannelLayer, openPostgresBus, postgresStores } from "./channels/mod.ts";
import type { Config } from "./config.ts";
import { isUnavailable } from "./db/errors.ts";
import { requireMigrations, requireServerLevel } from "./db/migrations.ts";
import { Pool, type PoolOptions } from "./db/pool.ts";
import type { Readiness } from "./http/context.ts";
import type { Log } from "./logger.ts";
import { migrateAll } from "./migrate_all.ts";
import { Tasks, type TasksOptions } from "./tasks/mod.ts";

/** A process without the database for this long is not ready. */
export const UNREADY_AFTER_MS = 10_000;

const READERS = 4;
const READY_TIMEOUT_MS = 2_000;

/** What serving and working stand on; disposing closes all of it. */
export interface Ground extends AsyncDisposable {
  readonly readers: Pool;
  readonly bus: Bus;
  readonly layer: ChannelLayer;
  readonly tasks: Tasks;
  /** More connections to the same database. */
  openPool(options: PoolOptions): Pool;
  /** How `/readyz` answers while nothing drains. */
  readiness(): Promise<Readiness>;
}

/** Brings the database up to date if it is told to, and connects with it. */
export async function openGround(config: Config, log: Log): Promise<Ground> {
  const url = config.DATABASE_URL;
  const directUrl = config.DATABASE_DIRECT_URL ?? url;
  const { warn } = log;
  // A pooler in transaction mode and prepared statements do not go together.
  const prepare = directUrl === url;
  const openPool = (options: PoolOptions) => new Pool(url, { prepare, ...options });

  if (config.MIGRATE === "on") await migrateAll(directUrl, log.info);
  const readers = openPool({ name: "maru-reader", max: READERS });
  await readers.query((sql) => requireServerLevel(sql));
  if (config.MIGRATE === "off") await readers.query((sql) => requireMigrations(sql));
  const bus = await openPostgresBus({ url, directUrl, warn });
  const stores = postgresStores({ url, directUrl, warn });
  // Nobody asks this layer who is in a group, so nothing is written of it.
  const layer = new ChannelLayer(bus, { warn }, { queues: stores.queues, owned: [stores] });
  const tasks = await openTasks({ url, directUrl, layer, warn });
  return {
    readers,
    bus,
    layer,
    tasks,
    openPool,
    readiness: readiness(readers, bus),
    async [Symbol.asyncDispose]() {
      await tasks[Symbol.asyncDispose]();
      await layer.close();
      await bus.close();
      await readers[Symbol.asyncDispose]();
    },
  };
}

async function openTasks(options: TasksOptions): Promise<Tasks> {
  try {
    return await Tasks.open({ ...options, migrate: false });
  } catch (error) {
    if (isUnavailable(error)) throw error;
    throw new Error(
      `Cannot serve this database: its schema "tasks" is not up to date (${
        (error as Error).message
      }); run \`deno task migrate\` or set MIGRATE=on`,
      { cause: error },
    );
  }
}

function readiness(readers: Pool, bus: Bus): () => Promise<Readiness> {
  let failsSince: number | null = null;
  return async () => {
    try {
      await readers.query((sql) => sql`select 1`, READY_TIMEOUT_MS);
      failsSince = null;
      return { status: bus.health().listening ? "ok" : "degraded" };
    } catch {
      failsSince ??= performance.now();
      return {
        status: performance.now() - failsSince < UNREADY_AFTER_MS ? "degraded" : "unavailable",
      };
    }
  };
}
