/**
 * The frames of the room socket, as zod schemas of what clients send and as types of what the
 * server sends.
 *
 * @module
 */
import { z } from "zod";
import type { ErrorCode } from "./codes.ts";

/** A UUID of any version, in lower case after parsing: PostgreSQL stores and returns it so. */
export const uuid = z.guid().transform((id) => id.toLowerCase());

/** `{"type": "message", "id", "message", "reply_to"}`; `type` is `message` when absent. */
export const messageFrame = z.object({
  type: z.literal("message").default("message"),
  id: uuid.optional(),
  message: z.string(),
  reply_to: z.int().positive().optional(),
});

/** `{"type": "ping"}`, answered with `pong`. */
export const pingFrame = z.object({ type: z.literal("ping") });

/** Every frame that a client may send, by its type. */
export const clientFrames = { message: messageFrame, ping: pingFrame } as const;

/** A parsed message frame. */
export type MessageFrame = z.output<typeof messageFrame>;

/** What a program writes when it sends a frame. */
export type ClientFrame = z.input<typeof messageFrame> | z.input<typeof pingFrame>;

/** Who wrote a message, by the name that they had then. */
export interface Sender {
  /** UUID of the person. */
  readonly id: string;
  /** What others see. */
  readonly name: string;
}

/** A message as it now is. Of two copies the one with the higher `version` wins. */
export interface Message {
  /** Its place in the room log. */
  readonly position: number;
  /** Its number among the room's messages: 1, 2, 3 … */
  readonly seq: number;
  /** The position of its last change; its own position when there was none. */
  readonly version: number;
  /** The UUID that its client made. */
  readonly id: string;
  /** The text; empty when deleted. */
  readonly message: string;
  /** Who wrote it. */
  readonly sender: Sender;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  /** The seq of the message that this one answers. */
  readonly reply_to?: number;
  /** When it was last edited, if ever. */
  readonly edited_at?: string;
  /** When it was deleted, if ever. */
  readonly deleted_at?: string;
}

/** What a change does to its message. */
export type ChangeKind = "edit" | "delete" | "react";

/** A room as its members see it. */
export interface RoomInfo {
  /** As its creator wrote it. */
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  /** The number of its newest message; 0 when there is none. */
  readonly last_seq: number;
}

/** The first frame of a `maru.v1` socket. */
export interface WelcomeFrame {
  /** Tells the frame from others. */
  readonly type: "welcome";
  /** Where this is. */
  readonly room: RoomInfo;
  /** Who this connection is. */
  readonly you: Sender;
  /** Names the history that positions belong to; goes with `after` in a resume. */
  readonly epoch: string;
  /** Where this stream begins: only later positions follow. */
  readonly position: number;
  /** The number of the newest message. */
  readonly last_seq: number;
}

/** A new message. */
export interface MessageEvent extends Message {
  /** Tells the frame from others. */
  readonly type: "message";
}

/** A message that was edited, deleted or reacted to, as it now is; `position` is the change's. */
export interface ChangedEvent extends Message {
  /** Tells the frame from others. */
  readonly type: "changed";
  /** What was done. */
  readonly kind: ChangeKind;
}

/** The message with this id is committed. */
export interface AckFrame {
  /** Tells the frame from others. */
  readonly type: "ack";
  /** The id that was sent. */
  readonly id: string;
  /** The number that it got. */
  readonly seq: number;
  /** Its place in the room log. */
  readonly position: number;
}

/** Something was refused. */
export interface ErrorFrame {
  /** Tells the frame from others. */
  readonly type: "error";
  /** What is wrong; see `ERRORS`. */
  readonly code: ErrorCode;
  /** For people, in English; programs go by `code`. */
  readonly message: string;
  /** The id of the request that was refused, if it had one. */
  readonly id?: string;
  /** Whether sending the same again may succeed. */
  readonly retry: boolean;
  /** Seconds to wait before that. */
  readonly retry_after?: number;
}

/** Load the history anew; the socket goes on from `position`. */
export interface ResetFrame {
  /** Tells the frame from others. */
  readonly type: "reset";
  /** Why: another history, a position beyond the head, too far behind, or no longer kept. */
  readonly reason: "epoch" | "ahead" | "behind" | "retention";
  /** Names the history that counts now. */
  readonly epoch: string;
  /** The socket goes on after it. */
  readonly position: number;
}

/** The answer to `ping`. */
export interface PongFrame {
  /** Tells the frame from others. */
  readonly type: "pong";
}

/** Every frame that the server sends. */
export type ServerFrame =
  | WelcomeFrame
  | MessageEvent
  | ChangedEvent
  | AckFrame
  | ErrorFrame
  | ResetFrame
  | PongFrame;
