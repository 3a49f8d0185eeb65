/**
 * The typed client of Maru: the HTTP API, and a room's socket that survives every loss.
 *
 * It needs nothing but `fetch`, `WebSocket` and `crypto`, so that it runs in browsers and in Deno.
 *
 * @example
 * ```ts
 * import { Api, RoomConnection } from "maru/client";
 *
 * const baseUrl = "http://localhost:8000";
 * const { messages, position, epoch } = await new Api({ baseUrl }).history("lobby");
 * const room = new RoomConnection("lobby", { baseUrl, position, epoch });
 * room.on("message", ({ sender, message }) => console.log(`${sender.name}: ${message}`));
 * room.open();
 * room.send("Hello!");
 * ```
 *
 * @module
 */
export { Api } from "./api.ts";
export type { ApiOptions, HistoryQuery, NewMessage, RoomsQuery } from "./api.ts";
export { ApiError } from "./api_error.ts";
export type { HistoryPage, Me, Posted, Problem, Room, RoomList } from "./answers.ts";
export { Backoff } from "./backoff.ts";
export type { BackoffOptions } from "./backoff.ts";
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { ListenOptions } from "./emitter.ts";
export type { OutboxEntry } from "./outbox_entry.ts";
export { REQUEST_TIMEOUT_MS } from "./request.ts";
export type { RequestOptions } from "./request.ts";
export { RoomConnection } from "./room_connection.ts";
export type { RoomConnectionOptions, SendOptions } from "./room_connection_options.ts";
export type { ConnectionStatus, RoomEvents } from "./room_events.ts";
export type { WebSocketConstructor } from "./session.ts";
export { ERRORS } from "../protocol/codes.ts";
export type { ErrorCode } from "../protocol/codes.ts";
export type {
  AckFrame,
  ChangedEvent,
  ChangeKind,
  ErrorFrame,
  Message,
  MessageEvent,
  ResetFrame,
  RoomInfo,
  Sender,
} from "../protocol/frames.ts";
