import type { Person } from "../accounts/mod.ts";
import type { Pool } from "../db/pool.ts";
import type { ErrorCode } from "../protocol/codes.ts";

/** What somebody is in a room. */
export type Role = "owner" | "member" | "banned";

/** A room's rights, as of one access version. */
export interface RoomAccess {
  readonly accessVersion: number;
  readonly isPrivate: boolean;
}

/** The server's settings that decide on rights. */
export interface PolicyOptions {
  /** May people without an account enter public rooms. */
  readonly guests: "allow" | "deny";
  /** Who may create rooms. */
  readonly roomCreation: "members" | "anyone";
}

/**
 * Who may do what. Every operation asks for itself; an answer holds for one access version of the
 * room only.
 */
export class Policy {
  readonly #options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.#options = options;
  }

  /** Why a person may not read a room, or `null` when they may. */
  refusesReading(person: Person, room: RoomAccess, role: Role | null): ErrorCode | null {
    if (role === "banned") return "not_allowed";
    if (role !== null) return null;
    if (room.isPrivate) return person.guest ? "not_signed_in" : "not_allowed";
    if (person.guest && this.#options.guests === "deny") return "not_signed_in";
    return null;
  }

  /** Why a person may not write to a room, or `null` when they may. */
  refusesWriting(person: Person, room: RoomAccess, role: Role | null): ErrorCode | null {
    return this.refusesReading(person, room, role);
  }

  /** Why a person may not create rooms, or `null` when they may. */
  refusesCreation(person: Person): ErrorCode | null {
    if (this.#options.roomCreation === "anyone") {
      return person.guest && this.#options.guests === "deny" ? "not_signed_in" : null;
    }
    return person.guest ? "not_signed_in" : null;
  }
}

/** The rights of a room and the roles of some people in it, from one snapshot; `null`: no room. */
export async function loadAccess(
  readers: Pool,
  roomId: number,
  userIds: readonly string[],
): Promise<{ access: RoomAccess; roles: Map<string, Role> } | null> {
  const rows = await readers.query((sql) =>
    sql<
      { access_version: number; is_private: boolean; user_id: string | null; role: Role | null }[]
    >`
      select r.access_version, r.is_private, m.user_id, m.role
      from rooms r
      left join members m on m.room_id = r.id
        and m.user_id in (select value::uuid from json_array_elements_text(${
      JSON.stringify(userIds)
    }::text::json))
      where r.id = ${roomId}`
  );
  const first = rows[0];
  if (first === undefined) return null;
  const roles = new Map<string, Role>();
  for (const row of rows) if (row.user_id !== null) roles.set(row.user_id, row.role!);
  return {
    access: { accessVersion: first.access_version, isPrivate: first.is_private },
    roles,
  };
}
