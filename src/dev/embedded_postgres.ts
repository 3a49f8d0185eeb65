import { errorCode } from "../db/errors.ts";
import { connect } from "../db/pool.ts";
import { findPostgresBinaries, type PostgresBinaries } from "./postgres_binaries.ts";

/** Options of {@linkcode startEmbeddedPostgres}. */
export interface EmbeddedPostgresOptions {
  /** Holds the data and the locks; made when it is not there. */
  readonly directory: string;
  /** Settings of the server, such as `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The port. @default a free one, or the one that a living server of this folder has */
  readonly port?: number;
  /** Told what takes time. @default silent */
  readonly progress?: (line: string) => void;
}

/** How a server stops: `fast` ends connections first, `immediate` is like a crash. */
export type StopMode = "fast" | "immediate";

/** A running server of the embedded PostgreSQL. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** The process id of the postmaster. */
  readonly pid: number;
  /** Stops the server, whoever else uses it. */
  stop(mode?: StopMode): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
const STOP_SIGNAL = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/**
 * Starts PostgreSQL on a data folder, or joins the one that runs there: left behind by an owner
 * that was killed, or started by another process that uses the same folder. Disposing stops it
 * when nobody else uses it.
 *
 * The life of a folder: starters take turns by an exclusive lock; each user then holds a shared
 * lock, so that the last one out is known. The data is made in a side folder and renamed, so an
 * interrupted first start leaves nothing half made.
 *
 * @throws {Error} when the binaries are missing or the server does not start; the message has the
 * end of its log
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { directory, progress = () => {} } = options;
  await Deno.mkdir(directory, { recursive: true });
  const folder = await Deno.realPath(directory);
  const data = `${folder}/data`;
  const binaries = await findPostgresBinaries();
  using starting = await lockFile(`${folder}/starting.lock`, true);
  const users = await lockFile(`${folder}/users.lock`, false);
  let server: Running | null = await findRunning(data);
  if (server === null) {
    await createData(binaries, folder, data, progress);
    progress("Starting PostgreSQL …");
    server = await launch(binaries, data, options);
  }
  starting.release();
  const { pid, port } = server;
  const stop = (mode: StopMode = "fast") => stopServer(server, data, mode);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    pid,
    stop,
    async [Symbol.asyncDispose]() {
      users.release();
      const last = await tryLockFile(`${folder}/users.lock`);
      if (last === null) return;
      await stop();
      last.release();
    },
  };
}

/** The server that runs on a data folder, or null. */
export async function findRunning(data: string): Promise<{ pid: number; port: number } | null> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (let lines = await readPidFile(data); lines !== null; lines = await readPidFile(data)) {
    const pid = Number(lines[0]);
    const port = Number(lines[3]);
    const ready = lines[7]?.trim() === "ready";
    if (ready && await servesFrom(data, port)) return { pid, port };
    // The file outlives a crash, and its process id may belong to anybody by now.
    if (ready || !isAlive(pid) || performance.now() > deadline) {
      await Deno.remove(`${data}/postmaster.pid`);
      return null;
    }
    await delay(POLL_MS);
  }
  return null;
}

/** Whether the server on a port is the one of this data folder. */
async function servesFrom(data: string, port: number): Promise<boolean> {
  const sql = connect(`postgres://postgres@127.0.0.1:${port}/postgres`, { name: "maru-dev" });
  try {
    const [row] = await sql`show data_directory`;
    return row?.["data_directory"] === data;
  } catch (error) {
    if (errorCode(error) === "ECONNREFUSED") return false;
    throw error;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function createData(
  binaries: PostgresBinaries,
  folder: string,
  data: string,
  progress: (line: string) => void,
): Promise<void> {
  if (await exists(`${data}/PG_VERSION`)) return;
  progress("Creating the database (once) …");
  const side = `${folder}/data.${crypto.randomUUID()}`;
  await own(binaries, folder);
  // With LANG unset the cluster would be SQL_ASCII: say all of it.
  const output = await run(binaries, binaries.initdb, [
    "-D",
    side,
    "-U",
    "postgres",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--auth=trust",
    "--no-sync",
  ]);
  if (!output.success) {
    throw new Error(`Cannot create the database: ${new TextDecoder().decode(output.stderr)}`);
  }
  await Deno.rename(side, data);
}

interface Running {
  readonly pid: number;
  readonly port: number;
  /** Whether this process knows that it has ended; of a server that was started here. */
  readonly ended?: () => boolean;
}

async function launch(
  binaries: PostgresBinaries,
  data: string,
  options: EmbeddedPostgresOptions,
): Promise<Running> {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    logging_collector: "on",
    log_directory: "log",
    log_filename: "postgresql.log",
    log_truncate_on_rotation: "on",
    ...options.settings,
  };
  const args = ["-D", data, "-p", String(options.port ?? freePort())];
  for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
  const { command, options: how } = commandLine(binaries, binaries.postgres, args);
  // Detached: Ctrl-C in the terminal is for the server of chat, which still needs its database.
  const child = new Deno.Command(command, { ...how, detached: true }).spawn();
  child.unref();
  let exited = false;
  void child.status.then(() => exited = true);
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!exited && performance.now() < deadline) {
    const lines = await readPidFile(data);
    if (lines?.[7]?.trim() === "ready") {
      return { pid: Number(lines[0]), port: Number(lines[3]), ended: () => exited };
    }
    await delay(POLL_MS);
  }
  throw new Error(`Cannot start PostgreSQL on ${data}: ${await endOfLog(data)}`);
}

async function stopServer(server: Running, data: string, mode: StopMode): Promise<void> {
  const { pid } = server;
  const lines = await readPidFile(data);
  if (Number(lines?.[0]) !== pid) return;
  try {
    Deno.kill(pid, STOP_SIGNAL[mode]);
  } catch {
    return;
  }
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  // Its parent learns that it has ended a little after it is gone.
  while (isAlive(pid) || server.ended?.() === false) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot stop PostgreSQL: process ${pid} lives`);
    }
    await delay(POLL_MS);
  }
}

interface FileLock extends Disposable {
  release(): void;
}

async function lockFile(path: string, exclusive: boolean): Promise<FileLock> {
  const file = await Deno.open(path, { create: true, write: true, read: true });
  await file.lock(exclusive);
  return lockOf(file);
}

/** The exclusive lock when nobody holds the file, else null. */
async function tryLockFile(path: string): Promise<FileLock | null> {
  const file = await Deno.open(path, { create: true, write: true, read: true });
  if (await file.tryLock(true)) return lockOf(file);
  file.close();
  return null;
}

function lockOf(file: Deno.FsFile): FileLock {
  let held = true;
  const release = () => {
    if (held) file.close();
    held = false;
  };
  return { release, [Symbol.dispose]: release };
}

async function own(binaries: PostgresBinaries, folder: string): Promise<void> {
  if (binaries.uid !== undefined) await Deno.chown(folder, binaries.uid, binaries.uid);
}

function run(binaries: PostgresBinaries, program: string, args: string[]) {
  const { command, options } = commandLine(binaries, program, args);
  return new Deno.Command(command, { ...options, stderr: "piped" }).output();
}

function commandLine(binaries: PostgresBinaries, program: string, args: string[]) {
  const [command, ...rest] = [...binaries.prefix, program, ...args];
  const options: Deno.CommandOptions = {
    args: rest,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...(binaries.uid === undefined ? {} : { uid: binaries.uid, gid: binaries.uid }),
  };
  return { command: command!, options };
}

async function readPidFile(data: string): Promise<string[] | null> {
  try {
    return (await Deno.readTextFile(`${data}/postmaster.pid`)).split("\n");
  } catch {
    return null;
  }
}

async function endOfLog(data: string): Promise<string> {
  const text = await Deno.readTextFile(`${data}/log/postgresql.log`).catch(() => "it has no log");
  return text.trimEnd().split("\n").slice(-5).join("\n");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 would do, but Deno sends none; SIGCONT does nothing to a running process.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
