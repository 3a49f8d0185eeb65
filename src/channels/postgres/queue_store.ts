import type { QueuedMessage, QueueStore } from "../stores.ts";
import type { Connection } from "./connection.ts";
import { TTL_MAX_MS } from "./server_clock.ts";

/**
 * Keeps queue channels in the unlogged table `channels.queue`: its messages survive the instances,
 * but not a crash of the server. Readers take with `for update skip locked`, so no message goes to
 * two and no reader waits for another.
 */
export class PostgresQueueStore implements QueueStore {
  readonly #connection: Connection;
  expired = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async put(
    channel: string,
    text: string,
    { ttlMs, capacity }: { readonly ttlMs: number; readonly capacity: number },
  ): Promise<boolean> {
    const boundedMs = Math.min(ttlMs, TTL_MAX_MS);
    const rows = await this.#connection.run((sql) =>
      sql<{ put: boolean; expired: number }[]>`
        select * from channels.enqueue_exactly(${channel}, ${text}::text::json, ${boundedMs}, ${capacity})`
    );
    this.expired += rows[0]!.expired;
    return rows[0]!.put;
  }

  async take(channel: string, count: number): Promise<QueuedMessage[]> {
    const rows = await this.#connection.run((sql) =>
      sql<{ id: number | null; text: string; ttl_ms: number; expired: number }[]>`
        with late as (
          select id from channels.queue
          where channel = ${channel} and expires_at <= clock_timestamp()
          for update skip locked
        ), gone as (
          delete from channels.queue where id in (select id from late) returning 1
        ), next as (
          select id from channels.queue
          where channel = ${channel} and expires_at > clock_timestamp()
          order by id limit ${count} for update skip locked
        ), taken as (
          delete from channels.queue where id in (select id from next)
          returning id, message::text as text,
            (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8 as ttl_ms
        )
        select id::float8, text, ttl_ms, (select count(*)::int from gone) as expired
        from (select 1) one left join taken on true order by id`
    );
    this.expired += rows[0]!.expired;
    return rows.flatMap(({ id, text, ttl_ms: ttlMs }) => id === null ? [] : [{ id, text, ttlMs }]);
  }

  async putBack(channel: string, messages: readonly QueuedMessage[]): Promise<void> {
    await this.#connection.run((sql) =>
      sql`insert into channels.queue (id, channel, message, expires_at)
        overriding system value
        select (m ->> 'id')::bigint, ${channel}, (m ->> 'text')::json,
          clock_timestamp() + (m ->> 'ttlMs')::float8 * interval '1 ms'
        from json_array_elements(${JSON.stringify(messages)}::text::json) m`
    );
  }

  async clear(): Promise<void> {
    await this.#connection.run((sql) => sql`delete from channels.queue`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}
