/**
 * Bodies of the HTTP API. The same schemas validate requests and describe the API at
 * `/api/openapi.json`.
 *
 * @module
 */
import { z } from "zod";
import { HISTORY_MAX_LIMIT } from "./codes.ts";
import { uuid } from "./frames.ts";

/** RFC 3339, UTC. */
const timestamp = z.string().meta({ format: "date-time", example: "2026-03-01T09:30:00.000000Z" });

/** Somebody, as others see them. */
export const personBody = z.object({
  id: z.string().meta({ format: "uuid" }),
  name: z.string().meta({ example: "Quiet Otter" }),
}).meta({ id: "Person" });

/** Whoever asks. */
export const meBody = personBody.extend({ guest: z.boolean() }).meta({ id: "Me" });

/** `PATCH /api/me` */
export const updateMeBody = z.object({
  name: z.string().meta({ description: "1 to 40 characters", example: "민지" }),
}).meta({ id: "UpdateMe" });

/** A room in a list. */
export const roomBody = z.object({
  name: z.string().meta({ example: "lobby" }),
  created_at: timestamp,
  last_seq: z.int().meta({ description: "Number of the newest message; 0 when there is none" }),
  last_message_at: timestamp.nullable(),
}).meta({ id: "Room" });

/** `GET /api/rooms` */
export const roomListBody = z.object({
  rooms: z.array(roomBody).meta({ description: "The most recently active first" }),
  next: z.string().nullable().meta({ description: "Pass as `before` for the next page" }),
}).meta({ id: "RoomList" });

/** `POST /api/rooms` */
export const createRoomBody = z.object({
  name: z.string().meta({
    description: "1 to 100 letters, marks or digits of any script, `_` or `-`",
    example: "마루",
  }),
}).meta({ id: "CreateRoom" });

/** A message as it now is. */
export const messageBody = z.object({
  position: z.int(),
  seq: z.int(),
  version: z.int(),
  id: z.string().meta({ format: "uuid" }),
  message: z.string(),
  sender: personBody,
  created_at: timestamp,
  reply_to: z.int().optional(),
  edited_at: timestamp.optional(),
  deleted_at: timestamp.optional(),
}).meta({ id: "Message" });

/** `GET /api/rooms/{room}/messages`: a page of history from one snapshot, in the order of seq. */
export const historyBody = z.object({
  messages: z.array(messageBody),
  position: z.int().meta({
    description: "Open the room socket with this as `after` to miss nothing",
  }),
  epoch: z.string().meta({ description: "Goes with `position`" }),
  first_seq: z.int().meta({ description: "The oldest message that is kept" }),
  last_seq: z.int().meta({ description: "The newest message" }),
}).meta({ id: "History" });

/** The query of `GET /api/rooms`. */
export const roomListQuery = z.object({
  // PostgreSQL refuses a text with a NUL.
  q: z.string().max(100).refine((q) => !q.includes("\0"), { error: "Must have no NUL" }).optional()
    .meta({ description: "Part of the name" }),
  before: z.string().regex(/^\d{1,16}\.\d{1,16}$/, { error: "Must be the `next` of a page" })
    .optional(),
  limit: wholeNumber(1, 100).default(50).meta({ type: "integer", description: "50 when absent" }),
});

/** The query of `GET /api/rooms/{room}/messages`: at most one of the three places. */
export const historyQuery = z.object({
  before_seq: wholeNumber(1).optional(),
  after_seq: wholeNumber(0).optional(),
  around_seq: wholeNumber(1).optional(),
  limit: wholeNumber(1, HISTORY_MAX_LIMIT).default(50).meta({
    type: "integer",
    description: "50 when absent",
  }),
}).refine(
  (query) =>
    [query.before_seq, query.after_seq, query.around_seq].filter((seq) => seq !== undefined)
      .length <= 1,
  { error: "Give one of before_seq, after_seq and around_seq" },
);

/** `POST /api/rooms/{room}/messages` */
export const postMessageBody = z.object({
  id: uuid.meta({ description: "Made by the client; the same id is stored once" }),
  message: z.string().meta({ description: "1 to 8,000 characters", example: "안녕하세요" }),
  reply_to: z.int().positive().optional(),
}).meta({ id: "PostMessage" });

/** What was stored. */
export const postedBody = z.object({
  id: z.string().meta({ format: "uuid" }),
  seq: z.int(),
  position: z.int(),
  created_at: timestamp,
}).meta({ id: "Posted" });

/** Problem details, RFC 9457. */
export const problemBody = z.object({
  type: z.string().meta({ example: "about:blank" }),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string().meta({ description: "One of the error codes", example: "no_such_room" }),
  retry: z.boolean(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
}).meta({ id: "Problem" });

/** A whole number in a query string, parsed from digits only, documented as the number it is. */
function wholeNumber(minimum: number, maximum?: number) {
  const number = z.int().min(minimum).max(maximum ?? Number.MAX_SAFE_INTEGER);
  const range = maximum === undefined ? { minimum } : { minimum, maximum };
  return z.string().regex(/^\d{1,16}$/, { error: "Must be a whole number" })
    .transform(Number)
    .pipe(number)
    .meta({ type: "integer", ...range });
}

/** A page of history. */
export type History = z.output<typeof historyBody>;
/** A room in a list. */
export type Room = z.output<typeof roomBody>;
/** Rooms, the most recently active first. */
export type RoomList = z.output<typeof roomListBody>;
/** Whoever asks. */
export type Me = z.output<typeof meBody>;
/** What was stored. */
export type Posted = z.output<typeof postedBody>;
/** Problem details, RFC 9457. */
export type Problem = z.output<typeof problemBody>;
