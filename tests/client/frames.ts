import type { ErrorCode } from "../../src/protocol/codes.ts";
import { ERRORS } from "../../src/protocol/codes.ts";
import type {
  AckFrame,
  ErrorFrame,
  MessageEvent,
  ResetFrame,
  WelcomeFrame,
} from "../../src/protocol/frames.ts";

export const EPOCH = "one";
export const YOU = { id: "otter", name: "Quiet Otter" };

export function welcome(position = 0): WelcomeFrame {
  return {
    type: "welcome",
    room: { name: "lobby", created_at: "2026-03-01T09:00:00Z", last_seq: position },
    you: YOU,
    epoch: EPOCH,
    position,
    last_seq: position,
  };
}

export function message(position: number, fields: Partial<MessageEvent> = {}): MessageEvent {
  return {
    type: "message",
    position,
    seq: position,
    version: position,
    id: `id-${position}`,
    message: `text ${position}`,
    sender: { id: "other", name: "Busy Heron" },
    created_at: "2026-03-01T09:00:00Z",
    ...fields,
  };
}

export function ack(id: string | undefined, seq = 1): AckFrame {
  return { type: "ack", id: id ?? "", seq, position: seq };
}

export function refusal(code: ErrorCode, id?: string, retry_after?: number): ErrorFrame {
  return {
    type: "error",
    code,
    message: ERRORS[code].text,
    retry: ERRORS[code].retry,
    ...(id === undefined ? {} : { id }),
    ...(retry_after === undefined ? {} : { retry_after }),
  };
}

export function reset(position: number, epoch: string): ResetFrame {
  return { type: "reset", reason: "epoch", position, epoch };
}
