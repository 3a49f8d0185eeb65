import { ChannelLayer } from "./layer.ts";
import type { ChannelLayerOptions } from "./layer_options.ts";
import { openPostgresBus, type PostgresBusOptions } from "./postgres/bus.ts";
import { migrateChannels } from "./postgres/migrate.ts";
import { postgresStores } from "./postgres/stores.ts";

/** Options of {@linkcode postgresChannelLayer}. */
export interface PostgresChannelLayerOptions extends ChannelLayerOptions, PostgresBusOptions {
  /** Whether to bring the schema `channels` up to date first. @default true */
  readonly migrate?: boolean;
}

/**
 * Opens a channel layer over PostgreSQL: queue channels, presence and all instances of one database.
 *
 * It makes its own schema, `channels`, and holds at most three connections: one to notify, one to
 * listen, and from the first use of a queue channel or of a group, or after 3 s, one for tables.
 *
 * @throws {PoolerError} when the direct URL leads to a pooler in transaction mode
 * @throws {RangeError} when an option is out of its range
 * @throws {Error} when the schema cannot be brought up to date
 *
 * @example
 * ```ts
 * import { postgresChannelLayer } from "maru/channels";
 *
 * await using layer = await postgresChannelLayer({ url: Deno.env.get("DATABASE_URL")! });
 * await layer.groupSend("room-1", { type: "chat.message", text: "hello" });
 * ```
 */
export async function postgresChannelLayer(
  options: PostgresChannelLayerOptions,
): Promise<ChannelLayer> {
  const { url, directUrl = url, migrate = true, ...rest } = options;
  if (migrate) await migrateChannels(directUrl, rest);
  const bus = await openPostgresBus(options);
  const stores = postgresStores(options);
  try {
    return new ChannelLayer(bus, options, { ...stores, owned: [together(bus, stores)] });
  } catch (error) {
    await bus.close();
    throw error;
  }
}

/** Releases both at once: one that is slow does not hold up the other. */
function together(bus: AsyncDisposable, stores: AsyncDisposable): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([bus[Symbol.asyncDispose](), stores[Symbol.asyncDispose]()]);
    },
  };
}
