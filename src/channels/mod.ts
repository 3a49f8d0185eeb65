/**
 * Channels, groups and a bus between instances, on PostgreSQL alone or in memory.
 *
 * @module
 */
export type { Bus, BusCounters, BusHandler, BusHealth, Doubt } from "./bus.ts";
export { ChannelFullError, type Message, MessageTooLargeError } from "./errors.ts";
export {
  ChannelLayer,
  type ChannelLayerOptions,
  memoryChannelLayer,
  MESSAGE_MAX_BYTES,
  postgresChannelLayer,
} from "./layer.ts";
export { memoryBusNetwork } from "./memory_bus.ts";
export { NAME_MAX_LENGTH } from "./names.ts";
export { openPostgresBus, type PostgresBusOptions, SQL_TOPIC } from "./postgres/bus.ts";
export { PoolerError } from "./postgres/listener.ts";
export { migrateChannels, type MigrateChannelsOptions } from "./postgres/migrate.ts";
export type { WarnHandler } from "./subscribers.ts";
