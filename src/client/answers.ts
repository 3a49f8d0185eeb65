import type { ErrorCode } from "../protocol/codes.ts";
import type { Message } from "../protocol/frames.ts";

/** Whoever calls. */
export interface Me {
  /** A UUID. */
  readonly id: string;
  /** The name that others see. */
  readonly name: string;
  /** Known by a cookie only. */
  readonly guest: boolean;
}

/** A room in a list. */
export interface Room {
  /** As its creator wrote it. */
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  /** The number of its newest message; 0 when there is none. */
  readonly last_seq: number;
  /** RFC 3339, UTC; `null` when there is no message. */
  readonly last_message_at: string | null;
}

/** Rooms, the most recently active first. */
export interface RoomList {
  /** The rooms of this page. */
  readonly rooms: readonly Room[];
  /** Pass as `before` for the next page; `null` when there is none. */
  readonly next: string | null;
}

/** A page of history, from one snapshot. */
export interface HistoryPage {
  /** In the order of seq. */
  readonly messages: readonly Message[];
  /** A room connection that begins here misses nothing. */
  readonly position: number;
  /** Goes with `position`. */
  readonly epoch: string;
  /** The oldest message that is kept. */
  readonly first_seq: number;
  /** The newest message. */
  readonly last_seq: number;
}

/** A message that was stored. */
export interface Posted {
  /** The id under which it was sent. */
  readonly id: string;
  /** Its number among the room's messages. */
  readonly seq: number;
  /** Its place in the room log. */
  readonly position: number;
  /** RFC 3339, UTC. */
  readonly created_at: string;
}

/** Problem details, RFC 9457. */
export interface Problem {
  /** A URI that names the kind of problem, or `about:blank`. */
  readonly type: string;
  /** The HTTP status in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** For people, in English. */
  readonly detail?: string;
  /** For programs. A newer server may know codes that this client does not. */
  readonly code: ErrorCode;
  /** Whether the same request can succeed later. */
  readonly retry: boolean;
  /** What is wrong with which field. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}
