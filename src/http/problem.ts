import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "../protocol/bodies.ts";
import { type ErrorCode, ERRORS } from "../protocol/codes.ts";

const STATUS: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
  bad_frame: 400,
  frame_too_large: 413,
  invalid: 400,
  message_empty: 400,
  message_too_long: 400,
  message_ill_formed: 400,
  id_conflict: 409,
  no_such_reply: 400,
  room_name_invalid: 400,
  no_such_room: 404,
  not_signed_in: 401,
  not_allowed: 403,
  origin_refused: 403,
  rate_limited: 429,
  out_of_order: 409,
  busy: 503,
  unknown: 503,
  database_unavailable: 503,
  going_away: 503,
  too_slow: 503,
  too_many_sockets: 503,
  not_operator: 401,
  wrong_state: 409,
  not_found: 404,
  too_large: 413,
  internal: 500,
};

/** More about one problem. */
export interface ProblemOptions {
  readonly detail?: string;
  /** Seconds until trying again makes sense. */
  readonly retryAfter?: number;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

/** The answer to a request that is refused: problem details, RFC 9457. */
export function problem(c: Context, code: ErrorCode, options: ProblemOptions = {}): Response {
  const status = STATUS[code];
  const body: Problem = {
    type: "about:blank",
    title: ERRORS[code].text,
    status,
    code,
    retry: ERRORS[code].retry,
    ...(options.detail === undefined ? {} : { detail: options.detail }),
    ...(options.errors === undefined ? {} : { errors: [...options.errors] }),
  };
  if (options.retryAfter !== undefined) {
    c.header("Retry-After", String(Math.ceil(options.retryAfter)));
  }
  return c.body(JSON.stringify(body), status, {
    "Content-Type": "application/problem+json",
  });
}
