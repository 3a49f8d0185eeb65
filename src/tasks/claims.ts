import type { JobWithMetadata, PgBoss } from "pg-boss";
import type { WarnHandler } from "../channels/mod.ts";
import { isUnavailable } from "../db/errors.ts";
import type { TasksDatabase } from "./database.ts";
import type { JobError, JobProgress } from "./job_info.ts";
import { sleep } from "./loop.ts";

/** An attempt at a job, as a worker has claimed it. */
export type Claim = Pick<
  JobWithMetadata,
  "id" | "name" | "data" | "retryCount" | "retryLimit" | "createdOn"
>;

/** A claim that has come to its end, with a result. */
interface Completion {
  readonly claim: Claim;
  /** JSON. */
  readonly result: string;
  readonly keepResultMs: number;
  readonly settled: PromiseWithResolvers<boolean>;
}

const RETRY_BACKOFF_MIN_MS = 100;
const RETRY_BACKOFF_MAX_MS = 2_000;
const COMPLETIONS_MAX = 500;

/**
 * What a worker does with its claims. Every statement names the attempt (`retry_count`, which each
 * start of a job increments), so that a worker that was thought dead cannot settle, or keep alive,
 * what another has started since.
 *
 * The end of a job is written until the database takes it: else it would only be done again.
 */
export class Claims {
  readonly #boss: PgBoss;
  readonly #database: TasksDatabase;
  readonly #warn: WarnHandler;
  readonly #signal: AbortSignal;
  readonly #completions: Completion[] = [];
  #completing = false;

  /** `signal` ends what is tried again while the database is away. */
  constructor(boss: PgBoss, database: TasksDatabase, warn: WarnHandler, signal: AbortSignal) {
    this.#boss = boss;
    this.#database = database;
    this.#warn = warn;
    this.#signal = signal;
  }

  /** Claims jobs of one task that are due. */
  async fetch(task: string, limit: number): Promise<Claim[]> {
    return await this.#boss.fetch(task, { batchSize: limit, includeMetadata: true });
  }

  /** Which of these tasks have jobs that are due, the most urgent job's first, then the oldest's. */
  async due(tasks: readonly string[]): Promise<string[]> {
    const rows = await this.#database.query((sql) =>
      sql<{ name: string }[]>`
        select task.name from unnest(${tasks}::text[]) as task (name), lateral (
          select j.priority, j.created_on from tasks.job j
          where j.name = task.name and j.state < 'active' and not j.blocked
            and j.start_after <= now()
          order by j.priority desc, j.created_on limit 1
        ) first
        order by first.priority desc, first.created_on`
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Says that these are alive, and how far they are. Returns the ids of those that are not this
   * worker's any more, each with whether it was cancelled.
   */
  async touch(
    claims: readonly (Claim & { readonly progress?: JobProgress | undefined })[],
  ): Promise<Map<string, "cancelled" | "lost">> {
    const rows = await this.#database.query((sql) =>
      sql<{ id: string; state: string | null; touched: boolean }[]>`
        with claim as (
          select * from json_to_recordset(${
        JSON.stringify(
          claims.map(({ name, id, retryCount, progress }) => ({ name, id, retryCount, progress })),
        )
      }::text::json) as c (name text, id uuid, "retryCount" int, progress json)
        ), touched as (
          update tasks.job j set heartbeat_on = now(),
            output = case when c.progress is null then j.output
              else jsonb_build_object('progress', c.progress) end
          from claim c
          where j.name = c.name and j.id = c.id and j.state = 'active'
            and j.retry_count = c."retryCount"
          returning j.id
        )
        select c.id, (
          select j.state::text from tasks.job j where j.name = c.name and j.id = c.id
        ) as state
        from claim c where c.id not in (select id from touched)`
    );
    return new Map(rows.map(({ id, state }) => [id, state === "cancelled" ? state : "lost"]));
  }

  /** Records a result; many at a time while one is being recorded. Returns whether it counted. */
  async complete(claim: Claim, result: string, keepResultMs: number): Promise<boolean> {
    const settled = Promise.withResolvers<boolean>();
    this.#completions.push({ claim, result, keepResultMs, settled });
    if (!this.#completing) void this.#completeAll();
    return await settled.promise;
  }

  /** Records a failure: it will be tried again while it may, unless it is permanent. */
  async fail(claim: Claim, error: JobError, permanent: boolean): Promise<boolean> {
    return await this.#insist(async () => {
      if (!permanent) {
        const { id, name, retryCount } = claim;
        const answer = await this.#boss.fail(name, { id, retryCount }, { error });
        return (answer as { affected: number }).affected > 0;
      }
      const rows = await this.#database.query((sql) =>
        sql`
          update tasks.job set state = 'failed', completed_on = now(),
            output = ${JSON.stringify({ error })}::text::jsonb
          where name = ${claim.name} and id = ${claim.id} and state = 'active'
            and retry_count = ${claim.retryCount}
          returning id`
      );
      return rows.length > 0;
    });
  }

  /** Gives back what has not come to its end, to be run elsewhere at once; it costs no attempt. */
  async giveBack({ id, name, retryCount }: Claim): Promise<void> {
    await this.#database.query((sql) =>
      sql`
        update tasks.job
        set state = 'retry', retry_limit = retry_limit + 1, start_after = now(), output = null
        where name = ${name} and id = ${id} and state = 'active' and retry_count = ${retryCount}`
    );
  }

  async #completeAll(): Promise<void> {
    this.#completing = true;
    while (this.#completions.length > 0) {
      const batch = this.#completions.splice(0, COMPLETIONS_MAX);
      try {
        await this.#completeBatch(batch);
      } catch (error) {
        // One that PostgreSQL refuses must not take the others along.
        if (batch.length === 1) batch[0]!.settled.reject(error);
        else for (const one of batch) await this.#completeBatch([one]).catch(one.settled.reject);
      }
    }
    this.#completing = false;
  }

  async #completeBatch(batch: readonly Completion[]): Promise<void> {
    // The results are JSON already.
    const rows = batch.map(({ claim: { id, name, retryCount }, result, keepResultMs }) =>
      `{"id":"${id}","name":"${name}","attempt":${retryCount},` +
      `"keep":${Math.ceil(keepResultMs / 1000)},"output":{"value":${result}}}`
    );
    const done = await this.#insist(() =>
      this.#database.query((sql) =>
        sql<{ id: string }[]>`
          update tasks.job j
          set state = 'completed', completed_on = now(), output = d.output,
            deletion_seconds = d.keep
          from json_to_recordset(${`[${rows.join(",")}]`}::text::json)
            as d (id uuid, name text, attempt int, keep int, output jsonb)
          where j.name = d.name and j.id = d.id and j.state = 'active'
            and j.retry_count = d.attempt
          returning j.id`
      )
    );
    const ids = new Set(done.map(({ id }) => id));
    for (const { claim, settled } of batch) settled.resolve(ids.has(claim.id));
  }

  /** Again and again while the database is away, so long as the worker is there. */
  async #insist<T>(run: () => Promise<T>): Promise<T> {
    let backoff = RETRY_BACKOFF_MIN_MS;
    for (let told = false;; told = true) {
      try {
        return await run();
      } catch (error) {
        if (!isUnavailable(error) || this.#signal.aborted) throw error;
        if (!told) this.#warn("The end of a job cannot be recorded yet; it is tried again", error);
      }
      await sleep(backoff, this.#signal);
      backoff = Math.min(backoff * 2, RETRY_BACKOFF_MAX_MS);
    }
  }
}
