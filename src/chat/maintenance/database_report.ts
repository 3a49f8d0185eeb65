import { z } from "zod";
import { defineTask, type Task, type Tasks } from "../../tasks/mod.ts";
import { onOwnPool, type PoolSource } from "./own_pool.ts";

/** How big the database is, and how late background work. */
export interface DatabaseReport {
  /** The whole database, indexes included. */
  readonly databaseBytes: number;
  /** The messages of all rooms, with their indexes. */
  readonly messagesBytes: number;
  /** Jobs that are due and have not begun. */
  readonly waiting: number;
  /** How long the oldest of them has been waiting. */
  readonly oldestWaitingMs: number;
  /** Jobs that failed for good, in the last 30 days. */
  readonly failed: number;
}

/** Options of {@linkcode databaseReportTask}. */
export interface DatabaseReportOptions extends PoolSource {
  readonly tasks: Tasks;
  readonly report: (message: string, figures: Record<string, unknown>) => void;
}

/** Measures the database, for the log and for whoever asks for the result. */
export function databaseReportTask(
  { tasks, report, ...source }: DatabaseReportOptions,
): Task<Record<string, never>, DatabaseReport> {
  return defineTask({
    name: "maru.database",
    input: z.strictObject({}),
    uniqueKey: () => "all",
    run: async (_input, { signal }) => {
      const sizes = await onOwnPool(
        source,
        signal,
        async (pool) =>
          await pool.query((sql) =>
            sql<{ database: number; messages: number }[]>`
            select pg_database_size(current_database()) as database,
              pg_total_relation_size('messages') as messages`
          ),
      );
      const queues = await tasks.overview();
      const figures = {
        databaseBytes: sizes[0]!.database,
        messagesBytes: sizes[0]!.messages,
        waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0),
        oldestWaitingMs: Math.round(Math.max(0, ...queues.map((queue) => queue.oldestWaitingMs))),
        failed: queues.reduce((sum, queue) => sum + queue.failed, 0),
      };
      report("Database", figures);
      return figures;
    },
  });
}
