import { connect } from "../../../src/db/pool.ts";
import { COLLECTING_NODE_FLAGS, type Servers, startBenchPostgres, sumCpu } from "../servers.ts";
import { startRedis } from "./redis.ts";
import { type ServerProcess, startProcess, tryCommand } from "./server_process.ts";

const SOURCE = "tests/bench/peers/socket_io";
/** Its packages are not Maru's: they are installed here. */
const INSTALLED = ".data/bench/socket_io";

/** Two Node processes with Socket.IO, on a PostgreSQL of their own, joined by one of its adapters. */
export async function startSocketIo(
  adapter: "postgres" | "redis",
  { collecting = false } = {},
): Promise<Servers> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startBenchPostgres());
  const sql = connect(postgres.url, { name: "maru-bench" });
  await sql.unsafe(await Deno.readTextFile(`${SOURCE}/schema.sql`));
  await sql.end({ timeout: 1 });
  const redis = adapter === "redis" ? starting.use(await startRedis()) : null;
  const instances: ServerProcess[] = [];
  for (let i = 0; i < 2; i++) {
    const instance = await startProcess({
      command: "node",
      args: [...collecting ? COLLECTING_NODE_FLAGS : [], `${INSTALLED}/server.cjs`],
      env: {
        NODE_ENV: "production",
        DATABASE_URL: postgres.url,
        ...redis === null ? {} : { REDIS_PORT: String(redis.port) },
      },
    });
    instances.push(starting.use(instance));
  }
  const pids = instances.map(({ pid }) => pid);
  const broker = redis?.pid ?? null;
  const running = starting.move();
  return {
    ports: instances.map(({ port }) => port),
    pids: broker === null ? pids : [...pids, broker],
    collecting: collecting ? pids : [],
    createRooms: () => Promise.resolve(),
    cpu: () => sumCpu({ instances: pids, postgres: postgres.pid, broker }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Installs Socket.IO at its locked versions; null, or what is missing. */
export async function installSocketIo(): Promise<string | null> {
  if (await tryCommand("node", ["--version"]) === null) return "Node.js is not installed";
  await Deno.mkdir(INSTALLED, { recursive: true });
  const lock = await Deno.readTextFile(`${SOURCE}/package-lock.json`);
  const stamp = `${INSTALLED}/installed.json`;
  await Deno.copyFile(`${SOURCE}/server.cjs`, `${INSTALLED}/server.cjs`);
  if (await Deno.readTextFile(stamp).catch(() => "") === lock) return null;
  for (const name of ["package.json", "package-lock.json"]) {
    await Deno.copyFile(`${SOURCE}/${name}`, `${INSTALLED}/${name}`);
  }
  const done = await tryCommand("npm", ["ci", "--prefix", INSTALLED, "--no-audit", "--no-fund"]);
  if (done === null) return "its packages cannot be installed (npm ci)";
  await Deno.writeTextFile(stamp, lock);
  return null;
}

/** The versions that are installed, such as `Socket.IO 4.8.4`. */
export async function socketIoVersions(): Promise<Record<string, string>> {
  const lock = JSON.parse(await Deno.readTextFile(`${SOURCE}/package-lock.json`)) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  const of = (name: string) => lock.packages[`node_modules/${name}`]!.version;
  return {
    "Node.js": (await tryCommand("node", ["--version"]))?.slice(1) ?? "none",
    "socket.io": of("socket.io"),
    "@socket.io/postgres-adapter": of("@socket.io/postgres-adapter"),
    "@socket.io/redis-adapter": of("@socket.io/redis-adapter"),
    "pg": of("pg"),
    "ioredis": of("ioredis"),
  };
}
