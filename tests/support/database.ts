import { connect, type Sql } from "../../src/db/pool.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
  type StopMode,
} from "../../src/dev/embedded_postgres.ts";
import { migrateAll } from "../../src/migrate_all.ts";

/** A database of a test's own, migrated. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly sql: Sql;
}

/** The template that the test runner makes; see run_tests.ts. */
export const TEMPLATE = "maru_template";

/**
 * After this postgres.js gives up, and leaves a timer behind that the next test is blamed for, too: on
 * a machine that does much else a server process takes its time to go.
 */
const END_TIMEOUT_S = 10;

/** Settings of a server for tests: nothing it keeps has to survive the machine. */
export const TEST_SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "300",
} as const;

/** Clones the template. The server is the test runner's: `deno task test`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = Deno.env.get("TEST_DATABASE_URL");
  if (server === undefined) {
    throw new Error("Cannot make a test database: run the tests with `deno task test`");
  }
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = connect(server, { name: "maru-test-admin" });
  // Test files clone at the same time, and PostgreSQL lets only one use a template.
  await admin.unsafe(`
    select pg_advisory_lock(1);
    `);
  await admin.unsafe(`create database ${name} template ${TEMPLATE} strategy file_copy`);
  await admin.unsafe("select pg_advisory_unlock(1)");
  const url = databaseUrl(server, name);
  const sql = connect(url, { name: "maru-test", max: 4 });
  return {
    url,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: END_TIMEOUT_S });
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end({ timeout: END_TIMEOUT_S });
    },
  };
}

/**
 * A server of a test's own, to be killed, frozen and started again. What it has committed survives
 * its crash, the schema not least; `fsync` would be for a crash of the machine.
 */
export class PrivateServer implements AsyncDisposable {
  readonly #directory: string;
  readonly #port: number;
  readonly #settings: Readonly<Record<string, string>>;
  #server: EmbeddedPostgres;

  private constructor(
    directory: string,
    server: EmbeddedPostgres,
    settings: Readonly<Record<string, string>>,
  ) {
    this.#directory = directory;
    this.#settings = settings;
    this.#server = server;
    this.#port = server.port;
  }

  /** Starts it, with a migrated database `maru`. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PrivateServer> {
    settings = { ...TEST_SETTINGS, synchronous_commit: "on", ...settings };
    const directory = await Deno.makeTempDir({ prefix: "maru-private-" });
    // The server's user must be able to pass through.
    await Deno.chmod(directory, 0o755);
    const server = await startEmbeddedPostgres({ directory, settings });
    const self = new PrivateServer(directory, server, settings);
    const admin = connect(server.url, { name: "maru-test-admin" });
    await admin.unsafe("create database maru");
    await admin.end({ timeout: END_TIMEOUT_S });
    await migrateAll(self.url);
    return self;
  }

  get url(): string {
    return databaseUrl(this.#server.url, "maru");
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#server.pid;
  }

  async stop(mode: StopMode = "fast"): Promise<void> {
    await this.#server.stop(mode);
  }

  /** Starts again on the same port and data. */
  async restart(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.#server = await startEmbeddedPostgres({
      directory: this.#directory,
      settings: this.#settings,
      port: this.#port,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** The URL of another database of the same server. */
export function databaseUrl(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
