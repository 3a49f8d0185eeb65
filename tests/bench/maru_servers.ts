import { connect } from "../../src/db/pool.ts";
import { type Instance, startInstance } from "../support/instance.ts";
import { COLLECTING_FLAGS, type Servers, startBenchPostgres, sumCpu } from "./servers.ts";

/** Options of {@linkcode startMaru}. */
export interface MaruOptions {
  /** How many instances. @default 2 */
  readonly instances?: number;
  /** More settings of PostgreSQL. @default none */
  readonly settings?: Readonly<Record<string, string>>;
  /** See {@linkcode startBenchPostgres}. @default true */
  readonly seasoned?: boolean;
  /** More arguments of `deno run`. @default none */
  readonly flags?: readonly string[];
  /** Let the instances end by themselves, so that their profiles are written. @default false */
  readonly graceful?: boolean;
  /** Whether they can be told to collect their garbage. @default false */
  readonly collecting?: boolean;
}

/** Instances, and the database that they share. */
export interface MaruServers extends Servers {
  readonly databaseUrl: string;
}

/** Instances on a PostgreSQL of their own, with the limit for people's messages turned off. */
export async function startMaru(options: MaruOptions = {}): Promise<MaruServers> {
  const { instances: count = 2, graceful = false, collecting = false } = options;
  const flags = [...options.flags ?? [], ...collecting ? COLLECTING_FLAGS : []];
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startBenchPostgres(options));
  const env = { MESSAGE_RATE: "0", LOG_LEVEL: "warning" };
  const instances: Instance[] = [];
  for (let i = 0; i < count; i++) {
    const instance = await startInstance({ databaseUrl: postgres.url, env, flags });
    starting.defer(() => stop(instance, graceful));
    instances.push(instance);
  }
  const pids = instances.map(({ pid }) => pid);
  const running = starting.move();
  return {
    ports: instances.map(({ port }) => port),
    pids,
    databaseUrl: postgres.url,
    collecting: collecting ? pids : [],
    createRooms: (names) => createRooms(postgres.url, names),
    cpu: () => sumCpu({ instances: pids, postgres: postgres.pid, broker: null }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function createRooms(url: string, names: readonly string[]): Promise<void> {
  const sql = connect(url, { name: "maru-bench" });
  await sql`
    insert into rooms (name, key)
    select n, n from json_array_elements_text(${JSON.stringify(names)}::text::json) n`;
  await sql.end({ timeout: 1 });
}

async function stop(instance: Instance, graceful: boolean): Promise<void> {
  if (graceful) {
    instance.signal("SIGTERM");
    await instance.exited;
  }
  const complaints = instance.logs().split("\n").filter((line) =>
    /"level":"(WARN|ERROR)/.test(line)
  );
  for (const line of complaints.slice(0, 5)) console.log(`  ${line.slice(0, 300)}`);
  await instance[Symbol.asyncDispose]();
}
