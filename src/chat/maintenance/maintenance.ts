import type { Pool, PoolOptions } from "../../db/pool.ts";
import { crontab, type Task, type Tasks } from "../../tasks/mod.ts";
import { databaseReportTask } from "./database_report.ts";
import { expiredGuestsTask, GUEST_KEPT_DAYS } from "./expired_guests.ts";
import { channelLeftoversTask } from "./channel_leftovers.ts";
import { retentionTask } from "./retention.ts";

/** What maintenance works with. */
export interface MaintenanceOptions {
  readonly tasks: Tasks;
  /** Connections of its own, closed when a task ends: what takes long must hold up no reader. */
  openPool(options: PoolOptions): Pool;
  /** Told the figures of the database, for the log. */
  readonly report: (message: string, figures: Record<string, unknown>) => void;
}

/** What Maru does for itself in the background. */
export interface Maintenance {
  readonly tasks: readonly Task[];
  /** Writes down when it is done, for whichever worker is there then; may be said again and again. */
  declare(): Promise<void>;
}

/** Keeps a database of Maru's small and tidy, without anyone's doing. All times are in UTC. */
export function maintenance(options: MaintenanceOptions): Maintenance {
  const { tasks } = options;
  const retention = retentionTask(options);
  const expiredGuests = expiredGuestsTask(options);
  const channelLeftovers = channelLeftoversTask(options);
  const databaseReport = databaseReportTask(options);
  return {
    tasks: [retention, expiredGuests, channelLeftovers, databaseReport],
    async declare() {
      await tasks.schedule(retention.name, crontab({ minute: "17" }), retention, {});
      // It reads all messages once: when most of the world that writes here is asleep.
      await tasks.schedule(
        expiredGuests.name,
        crontab({ minute: "40", hour: "18", day_of_week: "sunday" }),
        expiredGuests,
        { days: GUEST_KEPT_DAYS },
      );
      await tasks.schedule(
        channelLeftovers.name,
        crontab({ minute: "*/10" }),
        channelLeftovers,
        {},
        { missed: "skip" },
      );
      await tasks.schedule(
        databaseReport.name,
        crontab({ minute: "*/15" }),
        databaseReport,
        {},
        { missed: "skip" },
      );
    },
  };
}
