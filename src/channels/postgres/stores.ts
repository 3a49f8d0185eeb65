import type { PresenceStore, QueueStore } from "../stores.ts";
import type { WarnHandler } from "../subscribers.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { PostgresPresenceStore } from "./presence_store.ts";
import { PostgresQueueStore } from "./queue_store.ts";

/** Options of {@linkcode postgresStores}. */
export interface PostgresStoresOptions extends ConnectionOptions {
  /** Told of what went wrong and mends itself. @default silent */
  readonly warn?: WarnHandler;
}

/**
 * Keeps queue channels and presence in PostgreSQL, over one connection that is opened when first
 * needed. The schema must be there (`migrateChannels`).
 */
export function postgresStores(
  options: PostgresStoresOptions,
): { readonly queues: QueueStore; readonly presence: PresenceStore } & AsyncDisposable {
  const connection = new Connection(options, "maru-channels");
  return {
    queues: new PostgresQueueStore(connection),
    presence: new PostgresPresenceStore(connection, options.warn ?? (() => {})),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
