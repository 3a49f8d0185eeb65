import type { Clock } from "./clock.ts";
import type { OutboxEntry } from "./outbox_entry.ts";
import type { WebSocketConstructor } from "./session.ts";

/** Options of `RoomConnection`. */
export interface RoomConnectionOptions {
  /**
   * Where the server is, such as `https://chat.example.org`.
   * @default {location.origin}
   */
  readonly baseUrl?: string;
  /** The position of the history page that is shown; without it the stream begins now. */
  readonly position?: number;
  /** The epoch of that page. */
  readonly epoch?: string;
  /** Messages of an earlier life that were not known to be stored, in order. */
  readonly outbox?: readonly OutboxEntry[];
  /** Makes the sockets, in place of the global `WebSocket`. */
  readonly WebSocket?: WebSocketConstructor;
  /** The clock of the waits. */
  readonly clock?: Clock;
  /** The jitter of the waits. */
  readonly random?: () => number;
  /** Makes the ids of messages. */
  readonly randomUUID?: () => string;
  /**
   * Where `online` and `offline` are told.
   * @default {globalThis}
   */
  readonly network?: EventTarget;
}

/** Options of `RoomConnection.send`. */
export interface SendOptions {
  /** The seq of the message that this one answers. */
  readonly replyTo?: number;
}
