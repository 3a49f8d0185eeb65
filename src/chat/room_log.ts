import { quoteElement } from "../db/arrays.ts";
import type { Pool } from "../db/pool.ts";
import type { ChangeKind } from "../protocol/frames.ts";
import type { Entry } from "./entry.ts";

/** What became of an item of a batch, as `append_messages` says it. */
export type AppendOutcome =
  | "stored"
  | "duplicate"
  | "id_conflict"
  | "no_such_reply"
  | "access_changed"
  | "no_room";

/** A message to append. */
export interface AppendItem {
  readonly roomId: number;
  readonly id: string;
  readonly sender: { readonly id: string; readonly name: string };
  readonly text: string;
  readonly replyTo?: number | undefined;
  /** The access version that its policy check saw; another one sends it back to the policy. */
  readonly accessVersion: number;
}

/** One row of `append_messages`, in the order of the items. */
export interface AppendRow {
  /** In the first row: the history that the positions of all rows belong to. */
  readonly history: string | null;
  readonly outcome: AppendOutcome;
  readonly seq: number | null;
  readonly position: number | null;
  readonly created_at: Date | null;
}

/** Where a room stands. */
export interface Head {
  readonly roomId: number;
  /** `null` when the room is gone. */
  readonly position: number | null;
  readonly accessVersion: number | null;
}

/** The entries after a position, and the room's head, from one snapshot. */
export interface LogPage {
  readonly entries: Entry[];
  readonly head: number;
  /** The oldest entry that retention left. */
  readonly firstPosition: number;
  readonly lastSeq: number;
  readonly accessVersion: number;
  readonly history: string;
}

/** The most entries that one read returns. */
export const LOG_PAGE_MAX = 500;

/** The epoch of a room's positions: the database's history and the room's own incarnation. */
export function epochOf(history: string, roomId: number): string {
  return `${history}.${roomId}`;
}

/**
 * The durable, ordered log of every room: the truth that hubs and clients catch up with.
 *
 * Appends go over the writer's own connection, reads over the readers.
 */
export class RoomLog {
  readonly #readers: Pool;

  constructor(readers: Pool) {
    this.#readers = readers;
  }

  /**
   * Appends a batch in one call, committed when it returns, and says for each item what became of
   * it. Items of one room are stored in the order in which they are given.
   *
   * @throws {Error} postgres.js errors and `DatabaseTimeoutError`: see `Writer` for what each means
   */
  async append(
    writer: Pool,
    items: readonly AppendItem[],
    options: { timeoutMs?: number } = {},
  ): Promise<AppendRow[]> {
    // Columns as PostgreSQL writes arrays: postgres.js is told not to ask the catalogue for array types.
    const column = (text: (item: AppendItem) => string | number) => `{${items.map(text).join()}}`;
    return await writer.query(
      (sql) =>
        sql<AppendRow[]>`
        select outcome, seq, position, created_at, case item when 1 then log_history() end as history
        from append_messages(
          ${column((item) => item.roomId)}::text::bigint[],
          ${column((item) => item.id)}::text::uuid[],
          ${column((item) => item.sender.id)}::text::uuid[],
          ${column((item) => quoteElement(item.sender.name))}::text::text[],
          ${column((item) => quoteElement(item.text))}::text::text[],
          ${column((item) => item.replyTo ?? "null")}::text::bigint[],
          ${column((item) => item.accessVersion)}::text::bigint[]
        ) order by item`,
      options.timeoutMs,
    );
  }

  /**
   * Entries after a position, oldest first, with the head, from one snapshot. `null` when there is
   * no such room.
   */
  async read(roomId: number, after: number, limit = LOG_PAGE_MAX): Promise<LogPage | null> {
    const rows = await this.#readers.query((sql) =>
      sql<LogRow[]>`
        select r.last_position as head, r.first_position, r.last_seq, r.access_version,
          log_history() as history, e.*
        from rooms r
        left join lateral (
          (select m.position, null as kind, m.seq, m.version, m.id, m.sender_id, m.sender_name,
             m.body, m.reply_to, m.created_at, m.edited_at, m.deleted_at
           from messages m
           where m.room_id = r.id and m.position > ${after}
           order by m.position limit ${limit})
          union all
          (select c.position, c.kind, m.seq, m.version, m.id, m.sender_id, m.sender_name,
             m.body, m.reply_to, m.created_at, m.edited_at, m.deleted_at
           from changes c join messages m on m.room_id = c.room_id and m.seq = c.seq
           where c.room_id = r.id and c.position > ${after}
           order by c.position limit ${limit})
          order by position limit ${limit}
        ) e on true
        where r.id = ${roomId}
        order by e.position`
    );
    const first = rows[0];
    if (first === undefined) return null;
    return {
      entries: first.position === null ? [] : rows.map(toEntry),
      head: first.head,
      firstPosition: first.first_position,
      lastSeq: first.last_seq,
      accessVersion: first.access_version,
      history: first.history,
    };
  }

  /**
   * Compares many rooms with what a caller knows of them, in one statement, and returns only those
   * that differ, with the history that positions now belong to.
   */
  async heads(
    known: readonly { roomId: number; position: number; accessVersion: number }[],
  ): Promise<{ history: string; differing: Head[] }> {
    // As JSON: postgres.js is told not to ask the catalogue for array types.
    const json = JSON.stringify(known);
    const rows = await this.#readers.query((sql) =>
      sql<
        { history: string; room_id: number | null; head: number | null; access: number | null }[]
      >`
        select h.history, k."roomId" as room_id, r.last_position as head, r.access_version as access
        from (select log_history() as history) h
        left join (
          json_to_recordset(${json}::text::json)
            as k("roomId" bigint, "position" bigint, "accessVersion" bigint)
          left join rooms r on r.id = k."roomId"
        ) on r.id is null or r.last_position <> k.position or r.access_version <> k."accessVersion"`
    );
    return {
      history: rows[0]!.history,
      differing: rows.flatMap((row) =>
        row.room_id === null
          ? []
          : [{ roomId: row.room_id, position: row.head, accessVersion: row.access }]
      ),
    };
  }

  /**
   * Gives the database a new history, once, when it was seen to have gone back.
   *
   * @param expected the history in which it went back
   */
  async beginNewHistory(expected: string): Promise<void> {
    await this.#readers.query((sql) => sql`select begin_new_history(${expected})`);
  }
}

/** The columns of a message, as {@linkcode toEntry} reads them. */
export interface MessageRow {
  readonly position: number;
  readonly kind?: ChangeKind | null;
  readonly seq: number;
  readonly version: number;
  readonly id: string;
  readonly sender_id: string;
  readonly sender_name: string;
  readonly body: string;
  readonly reply_to: number | null;
  readonly created_at: Date;
  readonly edited_at: Date | null;
  readonly deleted_at: Date | null;
}

interface LogRow extends MessageRow {
  readonly head: number;
  readonly first_position: number;
  readonly last_seq: number;
  readonly access_version: number;
  readonly history: string;
}

/** A row of `messages`, or of `changes` joined with its message, as an entry. */
export function toEntry(row: MessageRow): Entry {
  return {
    position: row.position,
    ...(row.kind ? { kind: row.kind } : {}),
    seq: row.seq,
    version: row.version,
    id: row.id,
    text: row.body,
    sender: { id: row.sender_id, name: row.sender_name },
    createdAt: row.created_at,
    replyTo: row.reply_to,
    editedAt: row.edited_at,
    deletedAt: row.deleted_at,
  };
}
