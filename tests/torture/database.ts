import { connect, type Sql } from "../../src/db/pool.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
  type StopMode,
} from "../../src/dev/embedded_postgres.ts";
import { databaseUrl, TEST_SETTINGS } from "../support/database.ts";
import { freePort } from "../support/instance.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { delay } from "./delay.ts";
import type { Loss } from "./record.ts";

/** A copy of the data folder, as a snapshot of the disk would be. */
export interface Copy {
  readonly folder: string;
  /** What was committed before this is in it. */
  readonly takenAt: number;
}

const SETTINGS = {
  ...TEST_SETTINGS,
  // As in production: the processes die here, the machine does not, so nothing need be flushed.
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "80",
  // Small, so that a copy of the folder is quick.
  min_wal_size: "32MB",
  max_wal_size: "128MB",
  wal_keep_size: "256MB",
};

const CATCH_UP_TIMEOUT_MS = 30_000;

/**
 * The PostgreSQL of a run: stopped in every way, put back to an earlier copy, and replaced by a
 * standby that has not heard the last of its primary.
 *
 * All of its folders are in one directory; the one in use changes with a failover, and with it the
 * port, so instances reach it through proxies that ask for the {@linkcode port}.
 */
export class Database implements AsyncDisposable {
  readonly #root: string;
  #folder: string;
  #server: EmbeddedPostgres;
  #made = 0;
  #changing: Promise<unknown> = Promise.resolve();
  /** When it went back to an earlier state. */
  readonly losses: Loss[] = [];

  private constructor(root: string, folder: string, server: EmbeddedPostgres) {
    this.#root = root;
    this.#folder = folder;
    this.#server = server;
  }

  /** Starts it with an empty database: the instances bring the schema. */
  static async start(): Promise<Database> {
    const root = await Deno.makeTempDir({ prefix: "maru-torture-" });
    // The server's user must be able to pass through.
    await Deno.chmod(root, 0o755);
    const folder = `${root}/0`;
    const server = await startEmbeddedPostgres({ directory: folder, settings: SETTINGS });
    const self = new Database(root, folder, server);
    await self.#ask("postgres", (sql) => sql`create database maru`);
    return self;
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return databaseUrl(this.#server.url, "maru");
  }

  /** Where the folders are, the server's logs among them. */
  get root(): string {
    return this.#root;
  }

  /** Asks something on a connection of its own. */
  ask<T>(run: (sql: Sql) => PromiseLike<T>): Promise<T> {
    return this.#ask("maru", run);
  }

  /** Down for a while. */
  async stopFor(mode: StopMode, ms: number): Promise<void> {
    await this.#alone(async () => {
      await this.#server.stop(mode);
      await delay(ms);
      await this.#start();
    });
  }

  /** Copies the folder while the server works, as a backup does. */
  copy(): Promise<Copy> {
    return this.#alone(() => this.#copy());
  }

  /**
   * Puts the folder back to a copy, on the same port and timeline: the history repeats itself with
   * another content, until an operator says so.
   */
  async putBack(copy: Copy): Promise<void> {
    await this.#alone(async () => {
      const { port } = this.#server;
      await this.#server.stop("immediate");
      // Until it is gone it acknowledges what will be lost.
      const stoppedAt = Date.now();
      await this.#server[Symbol.asyncDispose]();
      await Deno.remove(`${this.#folder}/data`, { recursive: true });
      await Deno.rename(`${copy.folder}/data`, `${this.#folder}/data`);
      await this.#start(port);
      this.losses.push({ from: copy.takenAt, stoppedAt, endedAt: Date.now() });
    });
  }

  /** What an operator says after a restore: see docs/operations.md. */
  async beginNewHistory(): Promise<void> {
    await this.ask((sql) => sql`select begin_new_history(log_history())`);
  }

  /**
   * Makes a standby, lets it hear nothing for a while, crashes the primary, and promotes the
   * standby: another timeline, without the last `lostMs`.
   */
  async failOver(lostMs: number): Promise<void> {
    await this.#alone(async () => {
      const primary = this.#server;
      const { folder } = await this.#copy();
      await Deno.writeTextFile(`${folder}/data/standby.signal`, "");
      await using wire = startTcpProxy(primary.port);
      const standby = await startEmbeddedPostgres({
        directory: folder,
        port: freePort(),
        settings: {
          ...SETTINGS,
          primary_conninfo: `host=127.0.0.1 port=${wire.port} user=postgres`,
        },
      });
      const ask = connect(databaseUrl(standby.url, "maru"), { name: "torture" });
      try {
        await this.#caughtUp(ask);
        // What is acknowledged from here on may not get to it any more, though most does.
        const from = Date.now();
        await this.#caughtUp(ask);
        wire.swallow();
        await delay(lostMs);
        await primary.stop("immediate");
        const stoppedAt = Date.now();
        await ask`select pg_promote()`;
        // Known before anybody asks the new one what it has.
        this.losses.push({ from, stoppedAt, endedAt: Date.now() });
        this.#server = standby;
        await primary[Symbol.asyncDispose]();
        await Deno.remove(this.#folder, { recursive: true });
        this.#folder = folder;
      } finally {
        await ask.end({ timeout: 1 });
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop("immediate");
    await this.#server[Symbol.asyncDispose]();
    await Deno.remove(this.#root, { recursive: true });
  }

  /** One after the other: two faults at once would work on the same folder. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(work);
    this.#changing = result.catch(() => {});
    return result;
  }

  async #start(port = this.#server.port): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.#server = await startEmbeddedPostgres({
      directory: this.#folder,
      settings: SETTINGS,
      port,
    });
  }

  async #copy(): Promise<Copy> {
    const folder = `${this.#root}/${++this.#made}`;
    const from = `${this.#folder}/data`;
    const to = `${folder}/data`;
    await Deno.mkdir(folder);
    const { uid, gid } = await Deno.stat(from);
    if (uid !== null && gid !== null) await Deno.chown(folder, uid, gid);
    const sql = connect(this.url, { name: "torture" });
    try {
      await sql`select pg_backup_start('torture', true)`;
      await copyTree(from, to, new Set(["pg_wal", "postmaster.pid", "postmaster.opts", "log"]));
      const [label] = await sql`select labelfile from pg_backup_stop(false)`;
      // What is committed up to here is in the WAL that is copied now, and is replayed.
      const takenAt = Date.now();
      await copyTree(`${from}/pg_wal`, `${to}/pg_wal`, new Set());
      await Deno.writeTextFile(`${to}/backup_label`, label!["labelfile"]);
      return { folder, takenAt };
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async #caughtUp(standby: Sql): Promise<void> {
    const deadline = performance.now() + CATCH_UP_TIMEOUT_MS;
    const [head] = await this.ask((sql) => sql`select pg_current_wal_flush_lsn()::text as lsn`);
    for (;;) {
      const [row] = await standby`select pg_last_wal_replay_lsn() >= ${
        head!["lsn"]
      }::pg_lsn as yes`;
      if (row!["yes"] === true) return;
      if (performance.now() > deadline) throw new Error("The standby does not catch up");
      await delay(50);
    }
  }

  async #ask<T>(database: string, run: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const sql = connect(databaseUrl(this.#server.url, database), { name: "torture" });
    try {
      return await run(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

/** Copies a folder that a server works in: files may go meanwhile, and keep their owner. */
async function copyTree(from: string, to: string, without: ReadonlySet<string>): Promise<void> {
  await copyOwned(from, to, () => Deno.mkdir(to, { mode: 0o700 }));
  for await (const entry of Deno.readDir(from)) {
    if (without.has(entry.name)) continue;
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory) await copyTree(source, target, new Set());
    else await copyOwned(source, target, () => Deno.copyFile(source, target));
  }
}

async function copyOwned(from: string, to: string, copy: () => Promise<void>): Promise<void> {
  try {
    const { uid, gid } = await Deno.stat(from);
    await copy();
    if (uid !== null && gid !== null) await Deno.chown(to, uid, gid);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
