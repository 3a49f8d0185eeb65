/**
 * `deno task bench`: instances on an embedded database under an open-loop load, and a bare relay
 * beside them in the same run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startMaru } from "./maru_servers.ts";
import { measure, type Measured } from "./measure.ts";
import { startRelay } from "./relay_server.ts";
import { measureScale, type ScaleLoad } from "./scale.ts";
import { insertScaleTable, printScaleTable } from "./scale_table.ts";
import type { Servers } from "./servers.ts";
import { isCorrect, printTable, type Row, type RowResult } from "./table.ts";

const HELP = `deno task bench [--] [options]

Without options: the rows of the first target, and a bare relay beside them.

  --proof          the rows of the proof target
  --rooms N        one row of your own: rooms,
  --members N        members of each,
  --rate N           messages a second over all rooms,
  --framing v1|plain
  --seconds N      measured time of each row (10)
  --bytes N        length of a message (100)
  --instances N    how many serve, the members of a room spread over all of them (2)
  --scale          instead: 1, 2, 4 and 8 instances at fixed rates, what each costs and what the
                   database does for it, in Markdown; some two minutes
  --page FILE        puts that table into a page, too (docs/scaling.md)
  --json FILE      writes everything that was measured (default .data/bench.json)
  --smoke          two seconds at a low rate; ends with 1 when anything is lost, doubled or disordered;
                   with --scale, three instances
`;

const WARM_UP_SECONDS = 3;
const SMOKE_WARM_UP_SECONDS = 0.5;
const RELAY_RATE = 1_600;
const SCALE_COUNTS = [1, 2, 4, 8];
const SCALE_SMOKE_COUNTS = [3];
const SCALE_SECONDS = 6;
const SCALE_LOADS: readonly ScaleLoad[] = [
  { rooms: 20, members: 25, rate: 1_000 },
  { rooms: 250, members: 2, rate: 2_000 },
];
const SCALE_SMOKE_LOADS: readonly ScaleLoad[] = [{ rooms: 10, members: 4, rate: 100 }];

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
    bytes: { type: "string", default: "100" },
    instances: { type: "string", default: "2" },
    scale: { type: "boolean", default: false },
    page: { type: "string" },
    json: { type: "string", default: ".data/bench.json" },
    "cpu-prof": { type: "string" },
  },
});

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
Deno.exit(await (values.scale ? scale() : main()));

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
  return judge(results);
}

async function scale(): Promise<number> {
  const results = await measureScale({
    counts: values.smoke ? SCALE_SMOKE_COUNTS : SCALE_COUNTS,
    loads: values.smoke ? SCALE_SMOKE_LOADS : SCALE_LOADS,
    seconds: Number(values.seconds ?? (values.smoke ? 2 : SCALE_SECONDS)),
    warmUpSeconds: values.smoke ? SMOKE_WARM_UP_SECONDS : WARM_UP_SECONDS,
    bytes: Number(values.bytes),
    progress: console.log,
  });
  const table = printScaleTable(results);
  console.log(`\n${table}`);
  await writeJson(results);
  if (values.page !== undefined) {
    const page = insertScaleTable(await Deno.readTextFile(values.page), await captioned(table));
    await Deno.writeTextFile(values.page, page);
    const args = ["fmt", "--quiet", values.page];
    await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  }
  return judge(results);
}

function judge(results: readonly Measured[]): number {
  const wrong = results.some(({ result }) => !isCorrect(result));
  if (!values.smoke && !values.scale) return 0;
  console.log(wrong ? "Something was lost, doubled or disordered" : "All correct");
  return wrong ? 1 : 0;
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
  const row: Row = { rooms: 20, members: 25, rate: RELAY_RATE, framing: "plain", target: null };
  await using servers = await startRelay();
  return await measureRow("bare relay", { row, servers, seconds, relayCpu: null });
}

async function runRow(row: Row, seconds: number, relayCpu: number | null): Promise<RowResult> {
  const profiles = values["cpu-prof"];
  await using servers = await startMaru({
    instances: Number(values.instances),
    flags: profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`],
    graceful: profiles !== undefined,
  });
  await servers.createRooms(roomNames(row));
  return await measureRow("Maru", { row, servers, seconds, relayCpu });
}

interface RowOptions {
  readonly row: Row;
  readonly servers: Servers;
  readonly seconds: number;
  readonly relayCpu: number | null;
}

async function measureRow(name: string, options: RowOptions): Promise<RowResult> {
  const { row, servers, seconds, relayCpu } = options;
  console.log(`${name}: ${row.rooms} rooms of ${row.members}, ${row.rate}/s, ${row.framing} …`);
  const measured = await measure(servers, {
    rooms: roomNames(row),
    members: row.members,
    rate: row.rate,
    seconds,
    warmUpSeconds: values.smoke ? SMOKE_WARM_UP_SECONDS : WARM_UP_SECONDS,
    framing: row.framing,
    gapless: true,
    bytes: Number(values.bytes),
  });
  const ratio = relayCpu === null ? null : measured.cpuPerDelivery / relayCpu;
  return { name, row, ...measured, ratio };
}

function roomNames(row: Row): string[] {
  return Array.from({ length: row.rooms }, (_, i) => `bench-${i}`);
}

async function writeJson(results: readonly Measured[]): Promise<void> {
  const report = { ...await machine(), results };
  await Deno.mkdir(".data", { recursive: true });
  await Deno.writeTextFile(values.json, JSON.stringify(report, null, 2));
}

/** A table and, for a page, where and when it was measured. */
async function captioned(table: string): Promise<string> {
  const { date, cores, cpu, deno, postgres } = await machine();
  return `Measured on ${
    date.slice(0, 10)
  }: ${cores} cores (${cpu}) for the instances, PostgreSQL ` +
    `${postgres} and the load together; Deno ${deno}.\n\n${table}`;
}

async function machine() {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    postgres: "18.4",
    cores: navigator.hardwareConcurrency,
    cpu: /model name\s*: (.*)/.exec(cpuInfo)?.[1] ?? Deno.build.arch,
  };
}
