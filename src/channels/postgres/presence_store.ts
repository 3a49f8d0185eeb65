import type { MemberInfo, Membership } from "../groups.ts";
import type { PresenceSession, PresenceStore, Present } from "../stores.ts";
import type { WarnHandler } from "../subscribers.ts";
import { answeredState, type Connection } from "./connection.ts";
import { TTL_MAX_MS } from "./server_clock.ts";

/** Time between two heartbeats of an instance with members, in ms. */
export const PRESENCE_HEARTBEAT_MS = 3_000;
/** An instance that was not heard for this long is dead, and its members are gone. */
export const PRESENCE_TTL_MS = 10_000;

// So many memberships are written by one statement.
const BATCH_MEMBERSHIPS = 2_000;
const FOREIGN_KEY_VIOLATION = "23503";
// An unreachable server does not hold up whoever closes: the others take the entries out then.
const CLOSE_TIMEOUT_MS = 1_500;

/**
 * Knows who is in which group from the unlogged table `channels.memberships`, which is written when
 * somebody joins or leaves, and from each instance's heartbeat in `channels.instances`, without
 * which its members do not count.
 *
 * Whatever loses entries (a crash of the server truncates the tables, a standby has them empty, the
 * others took this instance for dead while it was frozen) loses the instance's row with them: the
 * next heartbeat finds it missing, and writes all memberships anew.
 */
export class PostgresPresenceStore implements PresenceStore {
  readonly #connection: Connection;
  readonly #warn: WarnHandler;

  constructor(connection: Connection, warn: WarnHandler) {
    this.#connection = connection;
    this.#warn = warn;
  }

  attach(
    instance: string,
    all: () => Iterable<readonly [Membership, number]>,
  ): PresenceSession {
    return new PostgresPresence(this.#connection, instance, all, this.#warn);
  }
}

interface Row {
  readonly group: string;
  readonly channel: string;
  /** Undefined: it left. */
  readonly ttlMs?: number;
  readonly info?: MemberInfo | null;
}

class PostgresPresence implements PresenceSession {
  readonly #connection: Connection;
  readonly #instance: string;
  readonly #all: () => Iterable<readonly [Membership, number]>;
  readonly #warn: WarnHandler;
  /** Not written yet; the last word on each membership. */
  #pending = new Map<string, Row>();
  #running: Promise<void> | null = null;
  #beatDue = true;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Something was not written: the next heartbeat writes everything. */
  #rebuild = false;
  #failing = false;
  #closed = false;

  constructor(
    connection: Connection,
    instance: string,
    all: () => Iterable<readonly [Membership, number]>,
    warn: WarnHandler,
  ) {
    this.#connection = connection;
    this.#instance = instance;
    this.#all = all;
    this.#warn = warn;
  }

  join({ group, channel, info }: Membership, ttlMs: number): void {
    this.#write({ group, channel, info, ttlMs });
  }

  leave(group: string, channel: string): void {
    this.#write({ group, channel });
  }

  async members(group: string): Promise<Present[]> {
    if (this.#rebuild) this.check();
    await this.#running;
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

  check(): void {
    if (this.#timer === undefined) return;
    this.#beatDue = true;
    this.#start();
  }

  async clear(): Promise<void> {
    this.#pending.clear();
    await this.#running;
    if (this.#timer === undefined) return;
    await this.#attempt(() => this.#remove());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.clear(), late.promise]);
    clearTimeout(timer);
    this.#timer = undefined;
  }

  #write(row: Row): void {
    if (this.#closed) return;
    this.#pending.set(`${row.group} ${row.channel}`, row);
    this.#timer ??= setInterval(() => this.check(), PRESENCE_HEARTBEAT_MS);
    this.#start();
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  /** One statement in flight: what comes meanwhile goes together into the next. */
  async #run(): Promise<void> {
    await Promise.resolve();
    while (!this.#closed && (this.#beatDue || this.#pending.size > 0)) {
      const rows = [...this.#pending.values()];
      const beat = this.#beatDue;
      this.#pending.clear();
      this.#beatDue = false;
      const written = await this.#attempt(() => beat ? this.#beat(rows) : this.#save(rows));
      if (written === true) continue;
      // Nothing is kept for later: the next heartbeat writes what is true then.
      this.#rebuild = true;
      this.#beatDue = written === "unknown instance";
      if (!this.#beatDue) break;
    }
    this.#running = null;
  }

  async #beat(rows: readonly Row[]): Promise<void> {
    const [row] = await this.#connection.run((sql) =>
      sql<{ fresh: boolean }[]>`
        with beat as (
          insert into channels.instances as i (id, seen_at)
          values (${this.#instance}, clock_timestamp())
          on conflict (id) do update set seen_at = excluded.seen_at
          returning xmax = 0 as fresh
        ), dead as (
          delete from channels.instances
          where id <> ${this.#instance}
            and seen_at < clock_timestamp() - ${PRESENCE_TTL_MS} * interval '1 ms'
        )
        select fresh from beat`
    );
    if (!row!.fresh && !this.#rebuild) return await this.#save(rows);
    this.#rebuild = false;
    // What is pending is among all that is written now.
    this.#pending.clear();
    if (!row!.fresh) await this.#removeMemberships();
    const all: Row[] = [];
    for (const [{ group, channel, info }, ttlMs] of this.#all()) {
      all.push({ group, channel, info, ttlMs });
    }
    await this.#save(all);
  }

  async #save(rows: readonly Row[]): Promise<void> {
    for (let at = 0; at < rows.length; at += BATCH_MEMBERSHIPS) {
      await this.#saveBatch(rows.slice(at, at + BATCH_MEMBERSHIPS));
    }
  }

  /** One that the server refuses is left out, and keeps nobody else from being written. */
  async #saveBatch(rows: readonly Row[]): Promise<void> {
    try {
      await this.#saveAll(rows);
    } catch (error) {
      if (!isBadRow(error)) throw error;
      if (rows.length === 1) {
        const { group, channel } = rows[0]!;
        return this.#warn(`Cannot write the presence of "${channel}" in "${group}"`, error);
      }
      const half = Math.ceil(rows.length / 2);
      await this.#saveBatch(rows.slice(0, half));
      await this.#saveBatch(rows.slice(half));
    }
  }

  async #saveAll(rows: readonly Row[]): Promise<void> {
    // Text within text: what json cannot be taken out of, such as \u0000, it can still hold.
    const batch = JSON.stringify(rows.map(({ info, ttlMs, ...name }) => ({
      ...name,
      ...(ttlMs === undefined ? {} : { ttlMs: Math.min(ttlMs, TTL_MAX_MS) }),
      ...(info ? { info: JSON.stringify(info) } : {}),
    })));
    // The foreign key refuses entries of an instance that the others have taken for dead.
    await this.#connection.run((sql) =>
      sql`with row as (
            select r ->> 'group' as group_name, r ->> 'channel' as channel,
              (r ->> 'ttlMs')::float8 as ttl_ms, (r ->> 'info')::json as info
            from json_array_elements(${batch}::text::json) r
          ), gone as (
            delete from channels.memberships m using row
            where ttl_ms is null and m.group_name = row.group_name and m.channel = row.channel
          )
          insert into channels.memberships (group_name, channel, instance, info, until)
          select group_name, channel, ${this.#instance}, info,
            clock_timestamp() + ttl_ms * interval '1 ms'
          from row where ttl_ms is not null
          on conflict (group_name, channel) do update
          set info = excluded.info, until = excluded.until`
    );
  }

  async #removeMemberships(): Promise<void> {
    await this.#connection.run((sql) =>
      sql`delete from channels.memberships where instance = ${this.#instance}`
    );
  }

  async #remove(): Promise<void> {
    await this.#connection.run((sql) =>
      sql`delete from channels.instances where id = ${this.#instance}`
    );
    this.#beatDue = true;
  }

  /** Whether it worked; told once until it does again. */
  async #attempt(run: () => Promise<void>): Promise<boolean | "unknown instance"> {
    try {
      await run();
      this.#failing = false;
      return true;
    } catch (error) {
      if (isUnknownInstance(error)) return "unknown instance";
      if (!this.#failing && !this.#closed) this.#warn("Cannot write presence", error);
      this.#failing = true;
      return false;
    }
  }
}

/** The others have taken this instance for dead, or the server has lost its row. */
function isUnknownInstance(error: unknown): boolean {
  return answeredState(error) === FOREIGN_KEY_VIOLATION;
}

/** Whether the server refused what is in a row: data, or a constraint. */
function isBadRow(error: unknown): boolean {
  return /^2[23]/.test(answeredState(error)) && !isUnknownInstance(error);
}
