import type { ErrorCode } from "../protocol/codes.ts";

/** A message on its way. */
export interface OutboxEntry {
  /** The UUID under which it is stored once, however often it is sent. */
  readonly id: string;
  /** The text. */
  readonly message: string;
  /** The seq of the message that this one answers. */
  readonly reply_to?: number;
  /** When it was written: RFC 3339, UTC, by this machine's clock. */
  readonly created_at: string;
  /**
   * `pending` until the server has answered, `sent` from its acknowledgement until the message itself
   * has been seen, `failed` when it was refused for good.
   */
  readonly state: "pending" | "sent" | "failed";
  /** Why it failed, or why it had to wait. */
  readonly code?: ErrorCode;
  /** It has left and was not answered, so it may be stored already: it cannot be taken back. */
  readonly unsure: boolean;
}
