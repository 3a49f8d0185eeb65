import type { ErrorCode } from "../protocol/codes.ts";
import type { Entry } from "./entry.ts";
import type { AppendItem, AppendRow } from "./room_log.ts";

/** What became of a message that was given to a {@linkcode Writer}. */
export type AppendResult =
  | { readonly stored: true; readonly seq: number; readonly position: number; readonly at: Date }
  | { readonly stored: false; readonly code: ErrorCode };

/** Where a message comes from, if from a socket. */
export interface AppendOrigin {
  /** Once true, what is not in flight is dropped. */
  readonly closed: boolean;
  /**
   * Whether a message may go now: false when one that was sent before it was refused and is to be
   * sent again first.
   */
  accepts(append: Append): boolean;
}

/** A message on its way to the log. */
export interface Append extends AppendItem {
  accessVersion: number;
  readonly origin?: AppendOrigin;
  /** Counts what its origin has sent. */
  readonly order?: number;
  /** Called once, unless the origin closed before. */
  settle(result: AppendResult): void;
}

/** What was stored, now or by an earlier try, as hubs deliver it; `null` when nothing was. */
export function storedEntry(append: Append, row: AppendRow): Entry | null {
  if (row.outcome !== "stored" && row.outcome !== "duplicate") return null;
  if (row.seq === null || row.position === null || row.created_at === null) return null;
  return {
    position: row.position,
    seq: row.seq,
    version: row.position,
    id: append.id,
    text: append.text,
    sender: append.sender,
    createdAt: row.created_at,
    replyTo: append.replyTo ?? null,
  };
}

/** What its sender is told. */
export function toResult(row: AppendRow): AppendResult {
  switch (row.outcome) {
    case "stored":
    case "duplicate":
      if (row.seq === null || row.position === null || row.created_at === null) {
        return { stored: false, code: "unknown" };
      }
      return { stored: true, seq: row.seq, position: row.position, at: row.created_at };
    case "id_conflict":
      return { stored: false, code: "id_conflict" };
    case "no_such_reply":
      return { stored: false, code: "no_such_reply" };
    default:
      return { stored: false, code: "no_such_room" };
  }
}
