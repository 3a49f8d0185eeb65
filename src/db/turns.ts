import pLimit from "p-limit";

/** Runs queries now, or when their turn comes. */
export type Turns = <T>(query: () => PromiseLike<T>) => PromiseLike<T>;

/**
 * How queries get to the connections of a postgres.js instance.
 *
 * With prepared statements, at once: postgres.js sends what comes while a query is under way behind
 * it. Without, at most one for each connection: postgres.js then asks for the types of parameters
 * with a Flush, and where that follows another query's Sync, a pooler in transaction mode may take
 * the server away between the two, and the answer never comes (pgbouncer/pgbouncer#759). Its
 * `max_pipeline` cannot say so: 1 lets one query follow another, and 0 breaks `begin`.
 */
export function turns(prepare: boolean, connections: number): Turns {
  return prepare ? (query) => query() : pLimit(connections);
}
