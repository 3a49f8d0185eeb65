/**
 * Channels, groups and a bus between instances, on PostgreSQL alone or in memory.
 *
 * Begin with {@linkcode postgresChannelLayer} or {@linkcode memoryChannelLayer}, and
 * {@linkcode websocketConsumer}. The whole is told in `docs/channels.md`.
 *
 * @module
 */
export type { Bus, BusCounters, BusHandler, BusHealth, Doubt } from "./bus.ts";
export { SQL_TOPIC } from "./bus.ts";
export { Consumer } from "./consumers/consumer.ts";
export { JsonWebSocketConsumer } from "./consumers/json_websocket_consumer.ts";
export {
  acceptedSubprotocol,
  type MakeConsumer,
  websocketConsumer,
  type WebSocketConsumerOptions,
} from "./consumers/mount.ts";
export { HANDLER_TIMEOUT_MS } from "./consumers/session.ts";
export { type Scope, WebSocketConsumer } from "./consumers/websocket_consumer.ts";
export { runWorker, WORKER_GRACE_MS, type WorkerOptions } from "./consumers/worker.ts";
export { ChannelFullError, MessageTooLargeError } from "./errors.ts";
export type { MemberInfo, Membership } from "./groups.ts";
export {
  ChannelLayer,
  type ChannelLayerCounters,
  type ChannelLayerParts,
  MEMBER_INFO_MAX_BYTES,
} from "./layer.ts";
export type { ChannelLayerOptions } from "./layer_options.ts";
export { memoryBusNetwork } from "./memory_bus.ts";
export { memoryChannelLayer } from "./memory_channel_layer.ts";
export { memoryPresenceStore, memoryQueueStore } from "./memory_stores.ts";
export { type Message, MESSAGE_MAX_BYTES, MESSAGE_MAX_DEPTH } from "./message.ts";
export { NAME_MAX_LENGTH } from "./names.ts";
export { openPostgresBus, type PostgresBusOptions } from "./postgres/bus.ts";
export type { ConnectionOptions } from "./postgres/connection.ts";
export { PoolerError } from "./postgres/listener.ts";
export { migrateChannels, type MigrateChannelsOptions } from "./postgres/migrate.ts";
export { postgresStores, type PostgresStoresOptions } from "./postgres/stores.ts";
export {
  postgresChannelLayer,
  type PostgresChannelLayerOptions,
} from "./postgres_channel_layer.ts";
export type {
  PresenceSession,
  PresenceStore,
  Present,
  QueuedMessage,
  QueueStore,
} from "./stores.ts";
export type { WarnHandler } from "./subscribers.ts";
