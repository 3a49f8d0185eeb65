import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { errorCode } from "../../db/errors.ts";
import type { Pool } from "../../db/pool.ts";
import { defineTask, type Task } from "../../tasks/mod.ts";
import { onOwnPool, type PoolSource } from "./own_pool.ts";

/** What retention has done. */
export interface RetentionResult {
  /** Messages that are not kept any longer. */
  readonly forgotten: number;
  /** Rows that were removed, of messages and changes, those of earlier runs included. */
  readonly deleted: number;
}

/** Options of {@linkcode retentionTask}. */
export interface RetentionOptions extends PoolSource {
  /** Between raising the counters and deleting, in ms. @default {RETENTION_GRACE_MS} */
  readonly graceMs?: number;
}

/** Whoever read the counters before they were raised has read the messages within this time. */
export const RETENTION_GRACE_MS = 10_000;
/** The messages that one statement deletes; with warm pages some milliseconds. */
export const RETENTION_BATCH = 500;

/** Between two batches, so that a long run leaves the disk to others. */
const PAUSE_MS = 20;
const TIMEOUT_MS = 3 * 3_600_000;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Removes the messages that rooms keep no longer (`rooms.retention_days`).
 *
 * In two steps, so that a room's log is locked for the length of one update only. First its
 * counters are raised, a batch at a time: a client that resumes from below is told `reset` from
 * then on. Then, after whoever was reading has done so, the rows below are deleted without any lock
 * on the room. What a run leaves behind, because it was cut short, is deleted by the next.
 */
export function retentionTask({ graceMs = RETENTION_GRACE_MS, ...source }: RetentionOptions): Task<
  Record<string, never>,
  RetentionResult
> {
  return defineTask({
    name: "maru.retention",
    input: z.strictObject({}),
    uniqueKey: () => "all",
    timeoutMs: TIMEOUT_MS,
    run: (_input, { signal, progress }) =>
      onOwnPool(source, signal, async (pool) => {
        let forgotten = 0;
        for (const { id } of await roomsWithRetention(pool)) {
          forgotten += await repeatBatches(signal, () => raiseFirstSeq(pool, id));
        }
        if (forgotten > 0) await delay(graceMs, undefined, { signal });
        let deleted = 0;
        const rooms = await roomsToClear(pool);
        for (const [index, { id, name }] of rooms.entries()) {
          progress(index / rooms.length, name);
          deleted += await repeatBatches(signal, () => deleteForgotten(pool, id));
        }
        return { forgotten, deleted };
      }),
  });
}

/** Repeats until there is nothing left to do; returns the sum. */
async function repeatBatches(signal: AbortSignal, batch: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let done = await batch(); done > 0; done = await batch()) {
    sum += done;
    await delay(PAUSE_MS, undefined, { signal });
  }
  return sum;
}

interface RoomRow {
  readonly id: number;
  readonly name: string;
}

async function roomsWithRetention(pool: Pool): Promise<RoomRow[]> {
  return await pool.query((sql) =>
    sql<RoomRow[]>`
      select id, name from rooms
      where retention_days is not null and first_seq <= last_seq order by id`
  );
}

/** Also those that keep everything from now on, but were to be cleared before. */
async function roomsToClear(pool: Pool): Promise<RoomRow[]> {
  return await pool.query((sql) =>
    sql<RoomRow[]>`
      select r.id, r.name from rooms r
      where r.first_seq > 1 and (
        exists (select from messages m where m.room_id = r.id and m.seq < r.first_seq)
        or exists (select from changes c where c.room_id = r.id and c.seq < r.first_seq))
      order by r.id`
  );
}

/** A room that somebody keeps locked has time until the next run. */
async function raiseFirstSeq(pool: Pool, roomId: number): Promise<number> {
  try {
    const [row] = await pool.query((sql) =>
      sql<{ count: number }[]>`select raise_first_seq(${roomId}, ${RETENTION_BATCH}) as count`
    );
    return row!.count;
  } catch (error) {
    if (errorCode(error) === LOCK_NOT_AVAILABLE) return 0;
    throw error;
  }
}

async function deleteForgotten(pool: Pool, roomId: number): Promise<number> {
  const [row] = await pool.query((sql) =>
    sql<{ count: number }[]>`select delete_forgotten(${roomId}, ${RETENTION_BATCH}) as count`
  );
  return row!.count;
}
