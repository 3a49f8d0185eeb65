import { CLOSE, type ErrorCode } from "../protocol/codes.ts";

const VERDICTS: Record<number, ErrorCode> = {
  [CLOSE.BAD_FRAME]: "bad_frame",
  [CLOSE.NOT_SIGNED_IN]: "not_signed_in",
  [CLOSE.NOT_ALLOWED]: "not_allowed",
  [CLOSE.NO_SUCH_ROOM]: "no_such_room",
  [CLOSE.FRAME_TOO_LARGE]: "frame_too_large",
  // What a WebSocket library itself says of a frame above its limit.
  1009: "frame_too_large",
};

/** What a final close code says, where no error frame came before it. */
export function verdictOf(closeCode: number): ErrorCode {
  return VERDICTS[closeCode] ?? "not_allowed";
}
