import { type Servers, startBenchPostgres, sumCpu } from "../servers.ts";
import { redisVersion, startRedis } from "./redis.ts";
import { type ServerProcess, startProcess, tryCommand } from "./server_process.ts";

const SOURCE = "tests/bench/peers/django";
/** Debian's, whose packages the peer is made of: another Python may come first in the path. */
const PYTHON = "/usr/bin/python3";
const PACKAGES = "python3-django python3-django-channels python3-channels-redis daphne " +
  "redis-server python3-psycopg2";
const VERSIONS = `
import json, platform, channels, channels_redis, daphne, django, psycopg2
print(json.dumps({"Python": platform.python_version(), "Django": django.__version__,
  "channels": channels.__version__, "channels_redis": channels_redis.__version__,
  "daphne": daphne.__version__, "psycopg2": psycopg2.__version__.split()[0]}))`;

/** Two Daphne processes with Django Channels, on a PostgreSQL and a Redis of their own. */
export async function startDjango(): Promise<Servers> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startBenchPostgres());
  const redis = starting.use(await startRedis());
  const cwd = await Deno.realPath(SOURCE);
  const env = {
    DATABASE_URL: postgres.url,
    REDIS_PORT: String(redis.port),
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const tables = await new Deno.Command(PYTHON, { args: ["create_tables.py"], cwd, env }).output();
  if (!tables.success) {
    throw new Error(`Cannot create Django's tables: ${new TextDecoder().decode(tables.stderr)}`);
  }
  const instances: ServerProcess[] = [];
  for (let i = 0; i < 2; i++) {
    const instance = await startProcess({
      command: PYTHON,
      args: [
        "-m",
        "daphne",
        "--verbosity=0",
        // The defaults, 50 and 5 s, turn away most of a crowd that comes at once.
        "--endpoint=tcp:PORT:interface=127.0.0.1:backlog=4096",
        "--websocket_connect_timeout=60",
        "asgi:application",
      ],
      cwd,
      env,
    });
    instances.push(starting.use(instance));
  }
  const pids = instances.map(({ pid }) => pid);
  const running = starting.move();
  return {
    ports: instances.map(({ port }) => port),
    pids: [...pids, redis.pid],
    // Python frees what nobody holds at once.
    collecting: [],
    createRooms: () => Promise.resolve(),
    cpu: () => sumCpu({ instances: pids, postgres: postgres.pid, broker: redis.pid }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Null, or what is missing. */
export async function findDjango(): Promise<string | null> {
  if (await tryCommand(PYTHON, ["-c", VERSIONS]) !== null && await redisVersion() !== null) {
    return null;
  }
  return `Debian's packages are not installed: ${PACKAGES}`;
}

/** The versions that are installed. */
export async function djangoVersions(): Promise<Record<string, string>> {
  return JSON.parse(await tryCommand(PYTHON, ["-c", VERSIONS]) ?? "{}") as Record<string, string>;
}
