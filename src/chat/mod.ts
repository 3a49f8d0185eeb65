/**
 * The chat: rooms, their logs, who may do what.
 *
 * @module
 */
export { ACCESS_GROUP, Chat, type ChatOptions } from "./chat.ts";
export { entryLine } from "./entry.ts";
export { type HistoryQuery, readHistory } from "./history.ts";
export { Hub, type HubMember } from "./hub.ts";
export { type Role, type RoomAccess } from "./policy.ts";
export { type Rate, RateLimit } from "./rate_limit.ts";
export { epochOf } from "./room_log.ts";
export { type RoomView } from "./rooms.ts";
export { Run, toRuns } from "./run.ts";
export { textFrame } from "./text_frame.ts";
export type { Append, AppendOrigin, AppendResult } from "./append.ts";
