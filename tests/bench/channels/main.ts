/**
 * `deno task bench:channels`: what the channel layer carries and how fast, beside `pg_notify` driven
 * bare through postgres.js, on the same PostgreSQL in the same run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { migrateChannels } from "../../../src/channels/mod.ts";
import { startBenchPostgres } from "../servers.ts";
import { type Case, compare, type Comparison } from "./compare.ts";
import { Fleet } from "./fleet.ts";
import { printComparisons } from "./report.ts";
import { smoke } from "./smoke.ts";

const HELP = `deno task bench:channels [--] [options]

Without options: 1, 10 and 100 groups, 100 and 20,480 bytes, one and four receiving instances.

  --groups N,…       only these numbers of groups
  --bytes N,…        only these lengths of a message, as JSON
  --instances N,…    only these numbers of receiving instances
  --rate N           the modest rate at which latencies are compared, in messages a second (500)
  --rounds N         how often the carriers take turns; the result in the middle counts (3)
  --seconds N        measured time of each load (1)
  --json FILE        writes everything that was measured (default .data/bench-channels.json)
  --cpu-prof FOLDER  writes a CPU profile of each process
  --smoke            a few seconds, no figures; ends with 1 when anything is lost, doubled or disordered
`;

const WARM_UP_SECONDS = 0.3;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    groups: { type: "string", default: "1,10,100" },
    bytes: { type: "string", default: "100,20480" },
    instances: { type: "string", default: "1,4" },
    rate: { type: "string", default: "500" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    json: { type: "string", default: ".data/bench-channels.json" },
    "cpu-prof": { type: "string" },
    smoke: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
Deno.exit(await main());

async function main(): Promise<number> {
  await using postgres = await startBenchPostgres({ seasoned: !values.smoke });
  await migrateChannels(postgres.url);
  const server = { url: postgres.url, postgresPid: postgres.pid };
  if (values.smoke) return await smoke(server) ? 0 : 1;
  const cases = chooseCases();
  const comparisons: Comparison[] = [];
  const profiles = values["cpu-prof"];
  await using fleet = new Fleet({
    ...server,
    senders: 1,
    receivers: Math.max(...cases.map(({ instances }) => instances)),
    flags: profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`],
  });
  for (const each of cases) {
    console.log(`${each.groups} groups, ${each.bytes} bytes, ${each.instances} instances …`);
    comparisons.push(
      await compare(fleet, each, {
        rounds: Number(values.rounds),
        seconds: Number(values.seconds),
        warmUpSeconds: WARM_UP_SECONDS,
        rate: Number(values.rate),
      }),
    );
  }
  console.log(`\n${printComparisons(comparisons)}`);
  await writeJson(comparisons);
  return 0;
}

function chooseCases(): Case[] {
  const numbers = (text: string) => text.split(",").map(Number);
  return numbers(values.bytes).flatMap((bytes) =>
    numbers(values.instances).flatMap((instances) =>
      numbers(values.groups).map((groups) => ({ groups, bytes, instances }))
    )
  );
}

async function writeJson(comparisons: readonly Comparison[]): Promise<void> {
  const report = {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    comparisons,
  };
  await Deno.mkdir(".data", { recursive: true });
  await Deno.writeTextFile(values.json, JSON.stringify(report, null, 2));
}
