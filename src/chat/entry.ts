import type { ChangeKind, Message, Sender } from "../protocol/frames.ts";

/**
 * One entry of a room log as the server holds it before it is written out: a message, or a change
 * of one, always with the message as it now is.
 */
export interface Entry {
  readonly position: number;
  /** Absent for a message's own entry. */
  readonly kind?: ChangeKind;
  readonly seq: number;
  readonly version: number;
  readonly id: string;
  readonly text: string;
  readonly sender: Sender;
  readonly createdAt: Date;
  readonly replyTo?: number | null;
  readonly editedAt?: Date | null;
  readonly deletedAt?: Date | null;
}

/** The entry as the JSON object that sockets receive, on one line. */
export function entryLine(entry: Entry): string {
  const { kind, sender } = entry;
  // By hand: ids, numbers and times need no escaping, and this runs once for every message.
  return (kind === undefined
    ? `{"type":"message","position":${entry.position},`
    : `{"type":"changed","position":${entry.position},"kind":"${kind}",`) +
    `"seq":${entry.seq},"version":${entry.version},"id":"${entry.id}",` +
    `"message":${JSON.stringify(entry.text)},` +
    `"sender":{"id":"${sender.id}","name":${JSON.stringify(sender.name)}},` +
    `"created_at":"${entry.createdAt.toISOString()}"` +
    (entry.replyTo == null ? "" : `,"reply_to":${entry.replyTo}`) +
    (entry.editedAt == null ? "" : `,"edited_at":"${entry.editedAt.toISOString()}"`) +
    (entry.deletedAt == null ? "" : `,"deleted_at":"${entry.deletedAt.toISOString()}"`) +
    "}";
}

/** The message as it now is, for a page of history. */
export function entryMessage(entry: Entry): Message {
  return {
    position: entry.position,
    seq: entry.seq,
    version: entry.version,
    id: entry.id,
    message: entry.text,
    sender: entry.sender,
    created_at: entry.createdAt.toISOString(),
    ...(entry.replyTo == null ? {} : { reply_to: entry.replyTo }),
    ...(entry.editedAt == null ? {} : { edited_at: entry.editedAt.toISOString() }),
    ...(entry.deletedAt == null ? {} : { deleted_at: entry.deletedAt.toISOString() }),
  };
}
