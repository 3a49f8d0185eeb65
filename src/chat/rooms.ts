import type { Person } from "../accounts/mod.ts";
import type { Pool } from "../db/pool.ts";
import type { Room, RoomList } from "../protocol/bodies.ts";
import type { RoomName } from "../protocol/room_name.ts";
import type { Role, RoomAccess } from "./policy.ts";

/** A room, and what somebody is in it, from one snapshot. */
export interface RoomView {
  readonly id: number;
  readonly room: Room;
  readonly access: RoomAccess;
  readonly role: Role | null;
  readonly head: number;
  readonly firstPosition: number;
  readonly firstSeq: number;
  readonly history: string;
}

/** Which rooms to list. */
export interface RoomsQuery {
  /** Part of the name. */
  readonly search?: string | undefined;
  /** The `next` of the page before. */
  readonly before?: string | undefined;
  /** How many, at most. @default 50 */
  readonly limit?: number;
}

/** A page of rooms: at most this many. */
export const ROOMS_MAX_LIMIT = 100;

/** The rooms: found, listed and made. */
export class Rooms {
  readonly #readers: Pool;

  constructor(readers: Pool) {
    this.#readers = readers;
  }

  /** The room of a name as a person sees it, or `null` when there is none. */
  async find(name: RoomName, person: Person | null): Promise<RoomView | null> {
    const userId = person?.id ?? null;
    const [row] = await this.#readers.query((sql) =>
      sql<RoomRow[]>`
        select r.id, r.name, r.created_at, r.last_seq, r.last_message_at, r.first_seq,
          r.first_position, r.last_position, r.access_version, r.is_private, m.role,
          log_history() as history
        from rooms r
        left join members m on m.room_id = r.id and m.user_id = ${userId}::uuid
        where r.key = ${name.key}`
    );
    return row === undefined ? null : toView(row);
  }

  /**
   * Makes a room, owned by its maker. Returns false when it exists already.
   *
   * Whether the person may is the policy's to say, before.
   */
  async create(name: RoomName, person: Person): Promise<boolean> {
    const rows = await this.#readers.query((sql) =>
      sql`
        with made as (
          insert into rooms (name, key, created_by) values (${name.name}, ${name.key}, ${person.id})
          on conflict (key) do nothing returning id
        )
        insert into members (room_id, user_id, role) select id, ${person.id}, 'owner' from made
        returning room_id`
    );
    return rows.length > 0;
  }

  /**
   * The rooms that a person may see, the most recently active first; keyset pages.
   *
   * The order is not indexed: an index on the last activity would cost every message a write. Up to
   * some 100,000 rooms the sort is cheaper than that.
   */
  async list(person: Person | null, query: RoomsQuery = {}): Promise<RoomList> {
    const limit = Math.min(query.limit ?? 50, ROOMS_MAX_LIMIT);
    const cursor = parseCursor(query.before);
    const pattern = `%${(query.search ?? "").replace(/[\\%_]/g, "\\$&")}%`;
    const userId = person?.id ?? null;
    const rows = await this.#readers.query((sql) =>
      sql<(ListRow)[]>`
        select * from (
          select r.id, r.name, r.created_at, r.last_seq, r.last_message_at,
            (extract(epoch from coalesce(r.last_message_at, r.created_at)) * 1000000)::bigint as active
          from rooms r
          left join members m on m.room_id = r.id and m.user_id = ${userId}::uuid
          where r.key like ${pattern}
            and m.role is distinct from 'banned'
            and (not r.is_private or m.role is not null)
        ) visible
        where ${cursor === null} or (active, id) < (${cursor?.active ?? 0}::bigint, ${
        cursor?.id ?? 0
      }::bigint)
        order by active desc, id desc
        limit ${limit + 1}`
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      rooms: page.map(toRoom),
      next: rows.length > limit && last !== undefined ? `${last.active}.${last.id}` : null,
    };
  }
}

function parseCursor(before: string | undefined): { active: number; id: number } | null {
  const match = /^(\d{1,16})\.(\d{1,16})$/.exec(before ?? "");
  return match === null ? null : { active: Number(match[1]), id: Number(match[2]) };
}

interface ListRow {
  readonly id: number;
  readonly name: string;
  readonly created_at: Date;
  readonly last_seq: number;
  readonly last_message_at: Date | null;
  readonly active: number;
}

interface RoomRow extends Omit<ListRow, "active"> {
  readonly first_seq: number;
  readonly first_position: number;
  readonly last_position: number;
  readonly access_version: number;
  readonly is_private: boolean;
  readonly role: Role | null;
  readonly history: string;
}

function toRoom(row: Omit<ListRow, "active">): Room {
  return {
    name: row.name,
    created_at: row.created_at.toISOString(),
    last_seq: row.last_seq,
    last_message_at: row.last_message_at?.toISOString() ?? null,
  };
}

function toView(row: RoomRow): RoomView {
  return {
    id: row.id,
    room: toRoom(row),
    access: { accessVersion: row.access_version, isPrivate: row.is_private },
    role: row.role,
    head: row.last_position,
    firstPosition: row.first_position,
    firstSeq: row.first_seq,
    history: row.history,
  };
}
