import { type Consumer, runWorker } from "./channels/mod.ts";
import { maintenance } from "./chat/maintenance/mod.ts";
import type { Ground } from "./ground.ts";
import { sweepTask } from "./http/task_example/sweep_task.ts";
import type { Log } from "./logger.ts";
import type { Task } from "./tasks/mod.ts";

/** What an application has done in the background, beside what Maru does for itself. */
export interface BackgroundOptions {
  /** Its tasks. @default none */
  readonly tasks?: readonly Task[];
  /** Its queue channels, and what serves them. @default none */
  readonly queueConsumers?: Readonly<Record<string, new () => Consumer>>;
  /** How long what runs may go on when it stops, in ms. @default 15000 */
  readonly stopTimeoutMs?: number;
}

/** Background work under way in this process. */
export interface Background {
  /** Lets what runs end, or gives it back. */
  stop(): Promise<void>;
}

const DEFAULT_STOP_MS = 15_000;

/**
 * Begins to work in this process: the tasks of Maru and of the application, the schedules, and the
 * queue channels. Tasks of other names are left to workers that know them.
 */
export async function startBackground(
  ground: Ground,
  log: Log,
  options: BackgroundOptions = {},
): Promise<Background> {
  const { tasks, layer } = ground;
  const { stopTimeoutMs = DEFAULT_STOP_MS, queueConsumers = {} } = options;
  const upkeep = maintenance({ tasks, openPool: ground.openPool, report: log.info });
  await upkeep.declare();
  const known = [...upkeep.tasks, sweepTask, ...options.tasks ?? []];
  const worker = tasks.work(known, { stopTimeoutMs });
  const stopping = new AbortController();
  const consuming = runWorker(layer, queueConsumers, {
    signal: stopping.signal,
    graceMs: stopTimeoutMs,
    warn: log.warn,
  }).catch((error) => log.error("Queue channels are not served any more", error));
  return {
    async stop() {
      stopping.abort();
      await Promise.all([worker.stop(), consuming]);
    },
  };
}
