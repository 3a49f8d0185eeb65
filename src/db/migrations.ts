import { connect, type Sql } from "./pool.ts";
import { errorCode } from "./errors.ts";

/**
 * The level of this server. A migration that older servers cannot live with raises
 * `installation.min_server` above the level that they have.
 */
export const SERVER_LEVEL = 1;

/** Options of {@linkcode migrate}. */
export interface MigrateOptions {
  /** Where the `NNNN_name.sql` files are. @default the project's `migrations/` */
  readonly directory?: string | URL;
  /** Told each migration that is applied. @default silent */
  readonly log?: (line: string) => void;
}

const MIGRATIONS = new URL("../../migrations/", import.meta.url);
// "maru" in ASCII: advisory locks share one number space per database.
const MIGRATION_LOCK = 0x6d617275;
const UNIQUE_VIOLATION = "23505";
const UNDEFINED_TABLE = "42P01";

/**
 * Brings the database to the newest schema. Safe to run from many instances at once: each
 * migration is one transaction that takes an advisory lock and inserts its version row first, so
 * of two rivals one applies it and the other sees that it is done.
 *
 * `url` must be a direct connection, not a pooler in transaction mode.
 *
 * @throws {Error} when a file that was applied has changed since, or when the schema asks for a
 * newer server
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<void> {
  const migrations = await readMigrations(options.directory ?? MIGRATIONS);
  const sql = connect(url, { name: "maru-migrate" });
  try {
    const applied = await appliedMigrations(sql);
    for (const migration of migrations) {
      const checksum = applied.get(migration.version);
      if (checksum === undefined) {
        if (await apply(sql, migration)) options.log?.(`Applied ${migration.file}`);
      } else if (checksum !== migration.checksum) {
        throw new Error(
          `Cannot migrate: ${migration.file} was changed after it was applied; restore it and put the change into a new migration`,
        );
      }
    }
    await requireServerLevel(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * Throws when the database's schema can no longer be served by this code.
 *
 * @throws {Error} when `installation.min_server` is above {@linkcode SERVER_LEVEL}, or when there
 * is no schema at all
 */
export async function requireServerLevel(sql: Sql): Promise<void> {
  let minimum: number | undefined;
  try {
    const rows = await sql<{ min_server: number }[]>`select min_server from installation`;
    minimum = rows[0]?.min_server;
  } catch (error) {
    if (errorCode(error) !== UNDEFINED_TABLE) throw error;
  }
  if (minimum === undefined) {
    throw new Error(
      "Cannot serve this database: it has no schema of Maru yet; run `deno task migrate` or set MIGRATE=on",
    );
  }
  if (minimum > SERVER_LEVEL) {
    throw new Error(
      `Cannot serve this database: its schema needs a server of level ${minimum}, this one is level ${SERVER_LEVEL}; deploy a newer Maru`,
    );
  }
}

/**
 * Throws when the database lacks a migration that this server brings: where somebody else migrates,
 * it is found at the start, not by the first message.
 *
 * @throws {Error} with the names of the missing files
 */
export async function requireMigrations(sql: Sql): Promise<void> {
  const rows = await sql<{ name: string }[]>`select name from schema_migrations`;
  const applied = new Set(rows.map(({ name }) => name));
  const missing = (await migrationFiles(MIGRATIONS)).filter((file) => !applied.has(file));
  if (missing.length === 0) return;
  throw new Error(
    `Cannot serve this database: it lacks ${
      missing.join(", ")
    }; run \`deno task migrate\` or set MIGRATE=on`,
  );
}

interface Migration {
  readonly version: number;
  readonly file: string;
  readonly text: string;
  readonly checksum: string;
}

async function readMigrations(directory: string | URL): Promise<Migration[]> {
  const base = typeof directory === "string" ? directory.replace(/\/*$/, "/") : directory;
  return await Promise.all(
    (await migrationFiles(base)).map(async (file) => {
      const text = await Deno.readTextFile(base instanceof URL ? new URL(file, base) : base + file);
      return { version: Number(file.slice(0, 4)), file, text, checksum: await sha256(text) };
    }),
  );
}

async function migrationFiles(directory: string | URL): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (/^\d{4}_\w+\.sql$/.test(name)) files.push(name);
  }
  return files.sort();
}

async function appliedMigrations(sql: Sql): Promise<Map<number, string>> {
  await sql.unsafe(`
    select pg_advisory_xact_lock(${MIGRATION_LOCK});
    do $$ begin
      if to_regclass('schema_migrations') is null then
        create table schema_migrations (
          version int primary key,
          name text not null,
          checksum text not null,
          applied_at timestamptz not null default now()
        );
        comment on table schema_migrations is 'The migrations that this database has had';
        comment on column schema_migrations.version is 'The number that its file begins with';
        comment on column schema_migrations.name is 'The file';
        comment on column schema_migrations.checksum is 'SHA-256 of the file as it was applied';
        comment on column schema_migrations.applied_at is 'When';
      end if;
    end $$`);
  const rows = await sql<{ version: number; checksum: string }[]>`
    select version, checksum from schema_migrations`;
  return new Map(rows.map((row) => [row.version, row.checksum]));
}

/** Returns whether it was this call that applied it. */
async function apply(sql: Sql, migration: Migration): Promise<boolean> {
  try {
    // Several statements in one simple query are one transaction, and one round trip.
    await sql.unsafe(`
      select pg_advisory_xact_lock(${MIGRATION_LOCK});
      insert into schema_migrations (version, name, checksum)
      values (${migration.version}, '${migration.file}', '${migration.checksum}');
      ${migration.text}`);
    return true;
  } catch (error) {
    const { table_name: table } = error as { table_name?: string };
    if (errorCode(error) === UNIQUE_VIOLATION && table === "schema_migrations") return false;
    throw new Error(`Cannot apply ${migration.file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
