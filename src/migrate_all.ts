import { migrateChannels } from "./channels/mod.ts";
import { migrate } from "./db/migrations.ts";
import { migrateTasks } from "./tasks/mod.ts";

/**
 * Brings all schemas to the newest. Safe to run from many instances at once.
 *
 * @param directUrl a direct connection, not a pooler in transaction mode
 */
export async function migrateAll(directUrl: string, log?: (line: string) => void): Promise<void> {
  const told = log === undefined ? {} : { log };
  await migrateChannels(directUrl, told);
  await migrate(directUrl, told);
  await migrateTasks(directUrl);
}
