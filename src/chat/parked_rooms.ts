import type { Pool } from "../db/pool.ts";
import type { QueuedAppend } from "./append_queue.ts";

/** What {@linkcode ParkedRooms} is made of. */
export interface ParkedRoomsOptions {
  readonly pool: Pool;
  /** Settles or drops a message that must not be stored any more; says whether it did. */
  readonly refuseLate: (waiting: QueuedAppend, now: number) => boolean;
  /** A room is free: its messages go back to the front. */
  readonly onFree: (items: readonly QueuedAppend[]) => void;
}

const LOOK_INTERVAL_MS = 100;
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Rooms that a {@linkcode Writer} has set aside, because somebody has locked them or the policy
 * decides anew, with everything that arrives for them meanwhile. Locked ones are looked at every
 * 100 ms, without waiting for their locks.
 */
export class ParkedRooms implements Disposable {
  readonly #options: ParkedRoomsOptions;
  readonly #rooms = new Map<number, ParkedRoom>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ParkedRoomsOptions) {
    this.#options = options;
  }

  /** How many rooms there are. */
  get size(): number {
    return this.#rooms.size;
  }

  /** How many messages wait in them. */
  get messages(): number {
    let count = 0;
    for (const room of this.#rooms.values()) count += room.items.length;
    return count;
  }

  /** What waits for a room; empty when it is not parked. */
  items(roomId: number): readonly QueuedAppend[] {
    return this.#rooms.get(roomId)?.items ?? [];
  }

  /** Lets a message wait with its room, if that is parked; says whether it is. */
  join(waiting: QueuedAppend): boolean {
    const room = this.#rooms.get(waiting.append.roomId);
    room?.items.push(waiting);
    return room !== undefined;
  }

  /** Parks a room with these messages, behind what waits there already. */
  setAside(roomId: number, reason: ParkedRoom["reason"], items: readonly QueuedAppend[]): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) this.#rooms.set(roomId, { reason, items: [...items] });
    else room.items.push(...items);
    if (reason === "lock") this.#lookSoon();
  }

  /** Gives what waits for a room free, changed as told. */
  release(
    roomId: number,
    change: (items: readonly QueuedAppend[]) => readonly QueuedAppend[] = (items) => items,
  ): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    this.#rooms.delete(roomId);
    this.#options.onFree(change(room.items));
  }

  /** Settles what has waited too long in a room; says whether anything is left. */
  expire(roomId: number): boolean {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return false;
    const now = performance.now();
    room.items = room.items.filter((waiting) => !this.#options.refuseLate(waiting, now));
    if (room.items.length > 0) return true;
    this.#rooms.delete(roomId);
    return false;
  }

  /** Those rooms whose rows are not locked now, or do not exist. Never waits for a lock. */
  async free(roomIds: ReadonlySet<number>): Promise<Set<number>> {
    const json = JSON.stringify([...roomIds]);
    try {
      const rows = await this.#options.pool.query(
        (sql) =>
          sql<{ id: number }[]>`
          with asked as materialized (
            select value::text::bigint as id from json_array_elements(${json}::text::json)
          ),
          unlocked as materialized (
            select r.id from rooms r where r.id in (select id from asked)
            for no key update skip locked
          )
          select id from asked
          where id in (select id from unlocked) or not exists (select from rooms r where r.id = asked.id)`,
        PROBE_TIMEOUT_MS,
      );
      return new Set(rows.map((row) => row.id));
    } catch {
      // The database is gone: whoever asked finds out by its own statement.
      return new Set();
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #lookSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
    }, LOOK_INTERVAL_MS);
  }

  async #look(): Promise<void> {
    const waiting = new Set(this.#locked().filter((roomId) => this.expire(roomId)));
    if (waiting.size === 0) return;
    for (const roomId of await this.free(waiting)) this.release(roomId);
    if (this.#locked().length > 0) this.#lookSoon();
  }

  #locked(): number[] {
    return [...this.#rooms].filter(([, room]) => room.reason === "lock").map(([roomId]) => roomId);
  }
}

interface ParkedRoom {
  readonly reason: "lock" | "policy";
  items: QueuedAppend[];
}
