import type { ErrorCode } from "../protocol/codes.ts";
import type {
  AckFrame,
  ChangedEvent,
  ErrorFrame,
  MessageEvent,
  ResetFrame,
  RoomInfo,
  Sender,
} from "../protocol/frames.ts";
import type { OutboxEntry } from "./outbox_entry.ts";

/** How a connection stands. */
export type ConnectionStatus =
  | { readonly state: "idle" }
  | { readonly state: "connecting" }
  | { readonly state: "open"; readonly you: Sender; readonly room: RoomInfo }
  /** Lost; tries again at `retryAt`, in milliseconds since the Unix epoch. */
  | { readonly state: "waiting"; readonly retryAt: number }
  /** Over: by its owner (no `code`), or by a verdict that another try would not change. */
  | { readonly state: "closed"; readonly code?: ErrorCode };

/** What a `RoomConnection` tells. */
export interface RoomEvents {
  /** A new message; each once, in the order of the room. */
  readonly message: MessageEvent;
  /** A message was edited, deleted or reacted to. */
  readonly changed: ChangedEvent;
  /** A message of this client is stored. */
  readonly ack: AckFrame;
  /** Something was refused. */
  readonly error: ErrorFrame;
  /** What is shown may be wrong: load the history anew. The stream goes on from its new position. */
  readonly reset: ResetFrame;
  /** The connection stands differently. */
  readonly status: ConnectionStatus;
  /** The messages on their way have changed. */
  readonly outbox: readonly OutboxEntry[];
}
