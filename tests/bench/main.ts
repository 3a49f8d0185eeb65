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
import { measureScale } from "./scale.ts";
import { insertScale, printScale } from "./scale_page.ts";
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
  --page FILE        puts these tables into a page, too (docs/scaling.md)
  --cpu-prof DIR   lets each instance write a CPU profile there (see docs/performance.md)
  --postgres NAME=VALUE
                   a setting of PostgreSQL, as often as you like
  --json FILE      writes everything that was measured (default .data/bench.json)
  --smoke          two seconds at a low rate; ends with 1 when anything is lost, doubled or disordered;
                   with --scale, three instances
`;

const WARM_UP_SECONDS = 3;
const SMOKE_WARM_UP_SECONDS = 0.5;
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
    bytes: { type: "string", default: "100" },
    instances: { type: "string", default: "2" },
    scale: { type: "boolean", default: false },
    page: { type: "string" },
    json: { type: "string", default: ".data/bench.json" },
    "cpu-prof": { type: "string" },
    postgres: { type: "string", multiple: true, default: [] },
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
  await writeJson({ results });
  return judge(results);
}

async function scale(): Promise<number> {
  const { smoke, page } = values;
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  const report = await measureScale({ smoke, seconds, bytes: Number(values.bytes) });
  const tables = printScale(report);
  console.log(`\n${tables}\n`);
  await writeJson(report);
  if (page !== undefined) {
    const text = insertScale(await Deno.readTextFile(page), `${await measuredOn()}\n\n${tables}`);
    await Deno.writeTextFile(page, text);
    // As the rest of the repository.
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", page] }).output();
  }
  return judge(report.results);
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
    seasoned: !values.smoke,
    settings: Object.fromEntries(values.postgres.map(toSetting)),
    flags: profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`],
    graceful: profiles !== undefined,
  });
  await servers.createRooms(roomNames(row));
  return await measureRow("Maru", { row, servers, seconds, relayCpu });
}

function toSetting(text: string): [name: string, value: string] {
  const [name, ...value] = text.split("=");
  return [name!, value.join("=")];
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

async function writeJson(report: { readonly results: readonly Measured[] }): Promise<void> {
  await Deno.mkdir(".data", { recursive: true });
  await Deno.writeTextFile(values.json, JSON.stringify({ ...await machine(), ...report }, null, 2));
}

async function measuredOn(): Promise<string> {
  const { date, cores, cpu, deno, postgres } = await machine();
  return `Measured on ${
    date.slice(0, 10)
  }: ${cores} cores (${cpu}) for the instances, PostgreSQL ` +
    `${postgres} and the load together; Deno ${deno}.`;
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
