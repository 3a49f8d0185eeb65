/**
 * `deno task bench`: two instances on an embedded database under an open-loop load, and a bare relay
 * beside them in the same run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../../src/dev/embedded_postgres.ts";
import { connect } from "../../src/db/pool.ts";
import { freePort, type Instance, startInstance } from "../support/instance.ts";
import { familyCpuMs, processCpuMs } from "./cpu.ts";
import type { LoadPlan, LoadResult } from "./load.ts";
import { printTable, type Row, type RowResult } from "./table.ts";

const HELP = `deno task bench [--] [options]

Without options: the rows of the first target, and a bare relay beside them.

  --proof          the rows of the proof target
  --rooms N        one row of your own: rooms,
  --members N        members of each,
  --rate N           messages a second over all rooms,
  --framing v1|plain
  --seconds N      measured time of each row (10)
  --bytes N        length of a message (100)
  --json FILE      writes everything that was measured (default .data/bench.json)
  --smoke          two seconds at a low rate; ends with 1 when anything is lost, doubled or disordered
`;

const WARM_UP_SECONDS = 3;
const RELAY_RATE = 1_600;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    proof: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    rooms: { type: "string" },
    members: { type: "string" },
    rate: { type: "string" },
    framing: { type: "string" },
    seconds: { type: "string" },
    bytes: { type: "string" },
    json: { type: "string", default: ".data/bench.json" },
    "cpu-prof": { type: "string" },
  },
});

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
Deno.exit(await main());

async function main(): Promise<number> {
  const seconds = Number(values.seconds ?? (values.smoke ? 2 : 10));
  const rows = chooseRows();
  const results: RowResult[] = [];
  const relay = values.smoke ? null : await runRelay(seconds);
  if (relay !== null) results.push(relay);
  for (const row of rows) results.push(await runRow(row, seconds, relay?.cpuPerDelivery ?? null));
  const text = printTable(results);
  console.log(`\n${text}`);
  await writeJson(results);
  const wrong = results.some(({ result }) =>
    result.lost + result.doubled + result.otherOrder + result.closed > 0
  );
  if (values.smoke) {
    console.log(wrong ? "Something was lost, doubled or disordered" : "All correct");
  }
  return values.smoke && wrong ? 1 : 0;
}

function chooseRows(): Row[] {
  if (values.smoke) {
    return [
      { rooms: 20, members: 2, rate: 200, framing: "v1", target: null },
      { rooms: 4, members: 10, rate: 100, framing: "plain", target: null },
    ];
  }
  if (values.rooms !== undefined || values.members !== undefined || values.rate !== undefined) {
    return [{
      rooms: Number(values.rooms ?? 20),
      members: Number(values.members ?? 25),
      rate: Number(values.rate ?? 1_000),
      framing: values.framing === "plain" ? "plain" : "v1",
      target: null,
    }];
  }
  const [pairs, plain, joined, fast] = values.proof
    ? [20_000, 1.8, 1.5, 1.1]
    : [15_000, 2.1, 1.8, 1.3];
  return [
    { rooms: 250, members: 2, rate: pairs!, framing: "v1", target: { p99: 100 } },
    { rooms: 20, members: 25, rate: 3_000, framing: "plain", target: { ratio: plain! } },
    { rooms: 20, members: 25, rate: 3_000, framing: "v1", target: { ratio: joined! } },
    { rooms: 20, members: 25, rate: 5_000, framing: "v1", target: { ratio: fast!, p99: 100 } },
  ];
}

async function runRelay(seconds: number): Promise<RowResult> {
  const port = freePort();
  const relay = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", "tests/bench/relay.ts", String(port)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = relay.stdout.getReader();
  await reader.read();
  const row: Row = { rooms: 20, members: 25, rate: RELAY_RATE, framing: "plain", target: null };
  try {
    const cpu = () => processCpuMs(relay.pid).then((ms) => ({ instances: ms, postgres: 0 }));
    return await measure("bare relay", row, [port], roomNames(row), seconds, cpu, null);
  } finally {
    relay.kill("SIGKILL");
    await reader.cancel();
    await relay.status;
  }
}

async function runRow(row: Row, seconds: number, relayCpu: number | null): Promise<RowResult> {
  const directory = await Deno.makeTempDir({ prefix: "maru-bench-" });
  await Deno.chmod(directory, 0o755);
  try {
    await using postgres = await startEmbeddedPostgres({
      directory,
      settings: { shared_buffers: "256MB", max_wal_size: "4GB", max_connections: "100" },
    });
    const env = { MESSAGE_RATE: "0", LOG_LEVEL: "warning" };
    const flags = values["cpu-prof"] === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${values["cpu-prof"]}`];
    const start = () => startInstance({ databaseUrl: postgres.url, env, flags });
    const one = await start();
    const two = await start();
    try {
      const names = roomNames(row);
      await createRooms(postgres.url, names);
      const cpu = async () => ({
        instances: await processCpuMs(one.pid) + await processCpuMs(two.pid),
        postgres: await familyCpuMs(postgres.pid),
      });
      return await measure("Maru", row, [one.port, two.port], names, seconds, cpu, relayCpu);
    } finally {
      await stop(one);
      await stop(two);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

type ReadCpu = () => Promise<{ instances: number; postgres: number }>;

async function measure(
  name: string,
  row: Row,
  ports: readonly number[],
  rooms: readonly string[],
  seconds: number,
  cpu: ReadCpu,
  relayCpu: number | null,
): Promise<RowResult> {
  const bytes = Number(values.bytes ?? 100);
  const plan: LoadPlan = {
    ports,
    rooms,
    members: row.members,
    rate: row.rate,
    seconds,
    warmUpSeconds: values.smoke ? 0.5 : WARM_UP_SECONDS,
    framing: row.framing,
    bytes,
  };
  console.log(`${name}: ${row.rooms} rooms of ${row.members}, ${row.rate}/s, ${row.framing} …`);
  const load = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", "tests/bench/load.ts", JSON.stringify(plan)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const all = async () => ({ ...await cpu(), load: await processCpuMs(load.pid) });
  let before = await all();
  let after = before;
  let result: LoadResult | null = null;
  for await (const line of lines(load.stdout)) {
    if (line === "measuring") before = await all();
    else if (line === "measured") after = await all();
    else if (line.startsWith("{")) result = JSON.parse(line) as LoadResult;
  }
  await load.status;
  if (result === null) throw new Error("The load ended without a result");
  const deliveries = Math.max(1, result.deliveriesPerSecond * seconds);
  const instances = (after.instances - before.instances) * 1000 / deliveries;
  const postgres = (after.postgres - before.postgres) * 1000 / deliveries;
  const cpuPerDelivery = instances + postgres;
  const ratio = relayCpu === null ? null : cpuPerDelivery / relayCpu;
  const loadCpu = (after.load - before.load) * 1000 / deliveries;
  return { name, row, result, instances, postgres, loadCpu, cpuPerDelivery, ratio };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = parts.pop()!;
    yield* parts;
  }
  if (text !== "") yield text;
}

function roomNames(row: Row): string[] {
  return Array.from({ length: row.rooms }, (_, i) => `bench-${i}`);
}

async function createRooms(url: string, names: readonly string[]): Promise<void> {
  const sql = connect(url, { name: "maru-bench" });
  await sql`
    insert into rooms (name, key)
    select n, n from json_array_elements_text(${JSON.stringify(names)}::text::json) n`;
  await sql.end({ timeout: 1 });
}

async function stop(instance: Instance): Promise<void> {
  // With a profile it must end by itself, so that the profile is written.
  if (values["cpu-prof"] !== undefined) {
    instance.signal("SIGTERM");
    await instance.exited;
  }
  const complaints = instance.logs().split("\n").filter((line) =>
    /"level":"(WARN|ERROR)/.test(line)
  );
  for (const line of complaints.slice(0, 5)) console.log(`  ${line.slice(0, 300)}`);
  await instance[Symbol.asyncDispose]();
}

async function writeJson(results: readonly RowResult[]): Promise<void> {
  const report = {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    postgres: "18.4",
    cores: navigator.hardwareConcurrency,
    cpu: /model name\s*: (.*)/.exec(await Deno.readTextFile("/proc/cpuinfo").catch(() => ""))?.[1],
    results,
  };
  await Deno.mkdir(".data", { recursive: true });
  await Deno.writeTextFile(values.json, JSON.stringify(report, null, 2));
}
