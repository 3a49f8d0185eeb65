import type { OutboxEntry } from "../../client/mod.ts";
import type { Message, Sender } from "../../protocol/frames.ts";
import { dayKey } from "../times.ts";

/** Messages of one person that are closer than this belong together. */
export const GROUP_WITHIN_MS = 5 * 60_000;

/** A row of the conversation. */
export type Row =
  | { readonly kind: "day"; readonly key: string; readonly date: Date }
  | MessageRow;

/** A message, or one on its way. */
export interface MessageRow {
  readonly kind: "message";
  /** The client-made id: the row of a message on its way becomes the row of the message. */
  readonly key: string;
  readonly date: Date;
  readonly text: string;
  readonly sender: Sender;
  readonly mine: boolean;
  /** The first of a person's consecutive messages: shows who it is. */
  readonly startsGroup: boolean;
  /** The last of them: shows the time. */
  readonly endsGroup: boolean;
  /** The message that this one answers, if it is held. */
  readonly answers?: Message;
  /** The message as the room has it. */
  readonly message?: Message;
  /** The message on its way. */
  readonly entry?: OutboxEntry;
}

/** What a timeline is made of. */
export interface TimelineParts {
  /** In the order of seq. */
  readonly messages: readonly Message[];
  /** In the order of sending. */
  readonly outbox: readonly OutboxEntry[];
  /** Whoever looks at it. */
  readonly you: Sender | null;
}

/** The rows of a conversation: days, and each person's consecutive messages together. */
export function timelineRows({ messages, outbox, you }: TimelineParts): readonly Row[] {
  const bySeq = new Map(messages.map((message) => [message.seq, message]));
  const stored = new Set(messages.map(({ id }) => id));
  const drafts: Draft[] = messages.map((message) => ({
    key: message.id,
    date: new Date(message.created_at),
    text: message.message,
    sender: message.sender,
    mine: message.sender.id === you?.id,
    message,
    ...answerOf(message.reply_to, bySeq),
  }));
  for (const entry of outbox) {
    const taken = stored.has(entry.id);
    // Stored already, unless it failed because the id is another message's.
    if (!you || (taken && entry.state !== "failed")) continue;
    drafts.push({
      key: taken ? `${entry.id} again` : entry.id,
      date: new Date(entry.created_at),
      text: entry.message,
      sender: you,
      mine: true,
      entry,
      ...answerOf(entry.reply_to, bySeq),
    });
  }
  return arrange(drafts);
}

type Draft = Omit<MessageRow, "kind" | "startsGroup" | "endsGroup">;

function answerOf(
  seq: number | undefined,
  bySeq: ReadonlyMap<number, Message>,
): { answers?: Message } {
  const answers = seq === undefined ? undefined : bySeq.get(seq);
  return answers ? { answers } : {};
}

function arrange(drafts: readonly Draft[]): readonly Row[] {
  const rows: Row[] = [];
  let day = "";
  for (const [index, draft] of drafts.entries()) {
    const before = drafts[index - 1];
    const after = drafts[index + 1];
    const today = dayKey(draft.date);
    // Clocks differ a little between machines: a day that was left is not begun a second time.
    if (day === "" || (today !== day && before && draft.date > before.date)) {
      day = today;
      rows.push({ kind: "day", key: `day ${today}`, date: draft.date });
    }
    rows.push({
      kind: "message",
      ...draft,
      startsGroup: !before || !together(before, draft),
      endsGroup: !after || !together(draft, after),
    });
  }
  return rows;
}

function together(before: Draft, after: Draft): boolean {
  return before.sender.id === after.sender.id &&
    before.sender.name === after.sender.name &&
    dayKey(before.date) === dayKey(after.date) &&
    Math.abs(after.date.getTime() - before.date.getTime()) < GROUP_WITHIN_MS;
}
