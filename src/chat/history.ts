import type { Pool } from "../db/pool.ts";
import type { History } from "../protocol/bodies.ts";
import { entryMessage } from "./entry.ts";
import { epochOf, type MessageRow, toEntry } from "./room_log.ts";

/** Which page of history: the newest when no place is given. */
export interface HistoryQuery {
  readonly before_seq?: number | undefined;
  readonly after_seq?: number | undefined;
  readonly around_seq?: number | undefined;
  readonly limit: number;
}

/**
 * A page of a room's history in the order of seq, with the position and the epoch of the same
 * snapshot: a socket opened with them misses nothing. `null` when there is no such room.
 */
export async function readHistory(
  readers: Pool,
  roomId: number,
  query: HistoryQuery,
): Promise<History | null> {
  const { before, newer, after } = bounds(query);
  const rows = await readers.query((sql) =>
    sql<HistoryRow[]>`
      select r.last_position as head, r.first_seq, r.last_seq, log_history() as history, e.*
      from rooms r
      left join lateral (
        (select ${sql.unsafe(MESSAGE_COLUMNS)} from messages m
         where m.room_id = r.id and m.seq < ${before} order by m.seq desc limit ${
      query.limit - newer
    })
        union all
        (select ${sql.unsafe(MESSAGE_COLUMNS)} from messages m
         where m.room_id = r.id and m.seq > ${after} order by m.seq limit ${newer})
      ) e on true
      where r.id = ${roomId}
      order by e.seq`
  );
  const first = rows[0];
  if (first === undefined) return null;
  return {
    messages: first.seq === null ? [] : rows.map((row) => entryMessage(toEntry(row))),
    position: first.head,
    epoch: epochOf(first.history, roomId),
    first_seq: first.first_seq,
    last_seq: first.last_seq,
  };
}

const MESSAGE_COLUMNS = "m.position, m.seq, m.version, m.id, m.sender_id, m.sender_name, m.body, " +
  "m.reply_to, m.created_at, m.edited_at, m.deleted_at";

interface HistoryRow extends MessageRow {
  readonly head: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly history: string;
}

/** Messages below `before` fill the page, `newer` of it are above `after`. */
function bounds(query: HistoryQuery): { before: number; after: number; newer: number } {
  const end = Number.MAX_SAFE_INTEGER;
  if (query.after_seq !== undefined) {
    return { before: 0, after: query.after_seq, newer: query.limit };
  }
  if (query.around_seq !== undefined) {
    // The message itself is among the older half.
    return {
      before: query.around_seq + 1,
      after: query.around_seq,
      newer: query.limit >> 1,
    };
  }
  return { before: query.before_seq ?? end, after: end, newer: 0 };
}
