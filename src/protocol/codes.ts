/**
 * Names and numbers that the server, the client and the page share. No dependency, so that a
 * browser can have it for nothing.
 *
 * @module
 */

/** The WebSocket subprotocol in which one frame carries several JSON objects, one a line. */
export const SUBPROTOCOL = "maru.v1";

/** A message's text: at most this many code points. */
export const MESSAGE_MAX_CODE_POINTS = 8_000;

/** A room's name: at most this many code points, after normalisation to NFC. */
export const ROOM_NAME_MAX_CODE_POINTS = 100;

/** A person's name: at most this many code points. */
export const PERSON_NAME_MAX_CODE_POINTS = 40;

/** A frame from a client: at most this many bytes, in one piece or in fragments together. */
export const FRAME_MAX_BYTES = 64 * 1024;

/** A client says something at least this often; two intervals of silence end its socket. */
export const PING_INTERVAL_MS = 20_000;

/** A page of history: at most this many messages. */
export const HISTORY_MAX_LIMIT = 200;

/** A client that is further behind than this is told `reset` and loads the history anew. */
export const RESUME_MAX_ENTRIES = 500;

/** Close codes: 44xx is final, 45xx means come back. */
export const CLOSE = {
  BAD_FRAME: 4400,
  NOT_SIGNED_IN: 4401,
  NOT_ALLOWED: 4403,
  NO_SUCH_ROOM: 4404,
  FRAME_TOO_LARGE: 4413,
  GOING_AWAY: 4501,
  TOO_SLOW: 4508,
  DATABASE_UNAVAILABLE: 4510,
  TOO_MANY_SOCKETS: 4529,
} as const;

/** Whether a close code is a verdict that connecting again would not change. */
export function isFinalClose(code: number): boolean {
  // 1009 is what a WebSocket library itself says of a frame above its limit.
  return (code >= 4400 && code < 4500) || code === 1009;
}

/**
 * The catalogue of error codes. `retry` tells whether the same request can succeed later: if it
 * has an id, sending it again with the same id is always safe.
 */
export const ERRORS = {
  bad_frame: { retry: false, text: "This frame is not understood" },
  frame_too_large: { retry: false, text: "This frame is larger than 64 KiB" },
  invalid: { retry: false, text: "A field of this request is not valid" },
  message_empty: { retry: false, text: "Write something first: this message is empty" },
  message_too_long: { retry: false, text: "This message is longer than 8,000 characters" },
  message_ill_formed: {
    retry: false,
    text: "This message has a character that cannot be stored (NUL or half a surrogate pair)",
  },
  id_conflict: {
    retry: false,
    text: "This id belongs to another message: make a new id for a new message",
  },
  no_such_reply: {
    retry: false,
    text: "The message that this one answers does not exist",
  },
  room_name_invalid: {
    retry: false,
    text: "A room's name has 1 to 100 letters, digits, '_' or '-'",
  },
  no_such_room: { retry: false, text: "There is no such room" },
  not_signed_in: { retry: false, text: "Sign in to enter this room" },
  not_allowed: { retry: false, text: "You may not do this here" },
  origin_refused: { retry: false, text: "Pages from this origin may not connect" },
  rate_limited: { retry: true, text: "You are sending too fast: wait a moment" },
  out_of_order: {
    retry: true,
    text: "An earlier message was refused: send that one again first, so that the order holds",
  },
  busy: { retry: true, text: "Not stored: the server is busy. Send it again" },
  unknown: {
    retry: true,
    text: "Perhaps stored: the database did not answer. Send it again with the same id to find out",
  },
  database_unavailable: { retry: true, text: "The database cannot be reached: try again soon" },
  going_away: { retry: true, text: "This server is stopping: connect again" },
  too_slow: { retry: true, text: "This connection does not read fast enough" },
  too_many_sockets: { retry: true, text: "Too many connections: try again later" },
  not_operator: { retry: false, text: "This is the operator's: sign in as the operator first" },
  wrong_state: { retry: false, text: "Its state does not allow this any more" },
  not_found: { retry: false, text: "There is nothing at this address" },
  too_large: { retry: false, text: "The body of this request is too large" },
  internal: { retry: true, text: "Something went wrong on the server" },
} as const satisfies Record<string, { retry: boolean; text: string }>;

/** One of the error codes. */
export type ErrorCode = keyof typeof ERRORS;
