/**
 * Who somebody is.
 *
 * @module
 */
export { type Person } from "./person.ts";
export { Accounts, type AccountsOptions } from "./accounts.ts";
