/**
 * What keeps the database small and tidy, in the background.
 *
 * @module
 */
export { type Maintenance, maintenance, type MaintenanceOptions } from "./maintenance.ts";
