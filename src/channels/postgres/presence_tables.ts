import type postgres from "postgres";
import type { MemberInfo } from "../groups.ts";
import type { Present } from "../stores.ts";
import type { WarnHandler } from "../subscribers.ts";
import { answeredState, type Connection } from "./connection.ts";
import { TTL_MAX_MS } from "./server_clock.ts";

/** An instance that was not heard for this long is dead, and its members are gone. */
export const PRESENCE_TTL_MS = 10_000;

// So many memberships are written by one statement.
const BATCH_MEMBERSHIPS = 2_000;
const FOREIGN_KEY_VIOLATION = "23503";

/** A membership to be written, or to be taken out. */
export interface PresenceRow {
  readonly group: string;
  readonly channel: string;
  /** Undefined: it left. */
  readonly ttlMs?: number;
  readonly info?: MemberInfo | null;
}

/** What a heartbeat answers. */
export interface Heard {
  /** Those of its names that the server knows. */
  readonly names: ReadonlySet<string>;
  /** What the server's clock shows, in ms since 1970. */
  readonly at: number;
}

/**
 * The tables `channels.instances` and `channels.memberships`, for one instance.
 *
 * An instance writes under a name, and one that begins anew takes another: a statement that reaches
 * the server after its time, when a network or a lock lets it go, finds its name gone, or the rows
 * under a name that it does not know, and changes nothing.
 */
export class PresenceTables {
  readonly #connection: Connection;
  readonly #warn: WarnHandler;

  constructor(connection: Connection, warn: WarnHandler) {
    this.#connection = connection;
    this.#warn = warn;
  }

  /** Who is in a group, of all instances that live. */
  async members(group: string): Promise<Present[]> {
    const rows = await this.#connection.run((sql) =>
      sql<{ channel: string; info: string | null; since: number }[]>`
        select m.channel, m.info::text as info,
          (extract(epoch from m.joined_at) * 1000)::float8 as since
        from channels.memberships m join channels.instances i on i.id = m.instance
        where m.group_name = ${group} and m.until > clock_timestamp()
          and i.seen_at > clock_timestamp() - ${PRESENCE_TTL_MS} * interval '1 ms'
        order by m.joined_at, m.channel`
    );
    return rows.map(({ channel, info, since }) => ({
      channel,
      info: info === null ? null : JSON.parse(info) as MemberInfo,
      since: new Date(since),
    }));
  }

  /** From now on this is a name of an instance that lives; those before, if empty, are no more. */
  async begin(name: string, before: readonly string[]): Promise<void> {
    await this.#first((sql) =>
      sql`with gone as (
          delete from channels.instances i
          where id = any(string_to_array(${list(before)}, ' '))
            and not exists (select from channels.memberships m where m.instance = i.id)
        )
        insert into channels.instances (id, seen_at) values (${name}, clock_timestamp())`
    );
  }

  /**
   * Says that the bearer of these names lives, and removes the dead with all that they left behind,
   * if the server's clock does not show more than `reapUntil` yet.
   */
  async beat(names: readonly string[], reapUntil: number): Promise<Heard> {
    const rows = await this.#first((sql) =>
      sql<{ id: string | null; at: number }[]>`
        with own as (
          select string_to_array(${list(names)}, ' ') as names
        ), beat as (
          update channels.instances set seen_at = clock_timestamp()
          where id = any((select names from own)::text[])
          returning id
        ), stale as (
          -- Locked: somebody removes it already, or it has come back.
          select id from channels.instances
          where id <> all((select names from own)::text[])
            and seen_at < clock_timestamp() - ${PRESENCE_TTL_MS} * interval '1 ms'
            and extract(epoch from clock_timestamp()) * 1000 < ${reapUntil}
          for update skip locked
        ), dead as (
          delete from channels.instances where id in (select id from stale)
        )
        select id, (extract(epoch from clock_timestamp()) * 1000)::float8 as at
        from own left join beat on true`
    );
    return { names: new Set(rows.flatMap(({ id }) => id ?? [])), at: rows[0]!.at };
  }

  /**
   * Writes memberships, under the last of these names; those that are there under another of them
   * keep their place in the order of coming. One that the server refuses is left out, and keeps
   * nobody else from being written.
   *
   * @param pause called before each statement; ends the writing when it resolves to false
   * @throws {Error} when the server does not know the name: see {@linkcode isUnknownName}
   */
  async save(
    rows: readonly PresenceRow[],
    names: readonly string[],
    pause: () => Promise<boolean>,
  ): Promise<void> {
    for (let at = 0; at < rows.length; at += BATCH_MEMBERSHIPS) {
      if (!await pause()) return;
      await this.#saveBatch(rows.slice(at, at + BATCH_MEMBERSHIPS), names);
    }
  }

  /** Takes out all members under these names. */
  async empty(names: readonly string[]): Promise<void> {
    await this.#first((sql) =>
      sql`delete from channels.memberships
        where instance = any(string_to_array(${list(names)}, ' '))`
    );
  }

  /** The same, and nobody bears them any more. */
  async remove(names: readonly string[]): Promise<void> {
    await this.#first((sql) =>
      sql`delete from channels.instances where id = any(string_to_array(${list(names)}, ' '))`
    );
  }

  /**
   * Before the queues' messages and whoever asks: a heartbeat behind thousands of them would be too
   * late. An instance writes one statement at a time.
   */
  #first<T>(query: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    return this.#connection.run(query, { first: true });
  }

  async #saveBatch(rows: readonly PresenceRow[], names: readonly string[]): Promise<void> {
    try {
      await this.#saveAll(rows, names);
    } catch (error) {
      if (!isBadRow(error)) throw error;
      if (rows.length === 1) {
        const { group, channel } = rows[0]!;
        return this.#warn(`Cannot write the presence of "${channel}" in "${group}"`, error);
      }
      const half = Math.ceil(rows.length / 2);
      await this.#saveBatch(rows.slice(0, half), names);
      await this.#saveBatch(rows.slice(half), names);
    }
  }

  async #saveAll(rows: readonly PresenceRow[], names: readonly string[]): Promise<void> {
    // Text within text: what json cannot be taken out of, such as \u0000, it can still hold.
    const batch = JSON.stringify(rows.map(({ info, ttlMs, ...name }) => ({
      ...name,
      ...(ttlMs === undefined ? {} : { ttlMs: Math.min(ttlMs, TTL_MAX_MS) }),
      ...(info ? { info: JSON.stringify(info) } : {}),
    })));
    // The foreign key refuses entries of an instance that the others have taken for dead.
    await this.#first((sql) =>
      sql`with row as (
            select r ->> 'group' as group_name, r ->> 'channel' as channel,
              (r ->> 'ttlMs')::float8 as ttl_ms, (r ->> 'info')::json as info
            from json_array_elements(${batch}::text::json) r
          ), gone as (
            delete from channels.memberships m using row
            where ttl_ms is null and m.group_name = row.group_name and m.channel = row.channel
              and m.instance = any(string_to_array(${list(names)}, ' '))
          )
          insert into channels.memberships as m (group_name, channel, instance, info, until)
          select group_name, channel, ${names.at(-1)!}, info,
            clock_timestamp() + ttl_ms * interval '1 ms'
          from row where ttl_ms is not null
          on conflict (group_name, channel) do update
          set instance = excluded.instance, info = excluded.info, until = excluded.until,
            joined_at = case when m.until > clock_timestamp() then m.joined_at
              else excluded.joined_at end
          where m.instance = any(string_to_array(${list(names)}, ' '))`
    );
  }
}

/** Whether the others have taken the bearer of a name for dead, or the server has lost it. */
export function isUnknownName(error: unknown): boolean {
  return answeredState(error) === FOREIGN_KEY_VIOLATION;
}

/** Whether the server refused what is in a row: data, or a constraint. */
function isBadRow(error: unknown): boolean {
  return /^2[23]/.test(answeredState(error)) && !isUnknownName(error);
}

/** No name has a space. */
function list(names: readonly string[]): string {
  return names.join(" ");
}
