/**
 * `deno task torture --minutes N --seed S`: three instances on a PostgreSQL of the run's own, sixty
 * people in twelve rooms, and everything that can go wrong. A checker then holds what is left
 * against what Maru promises; any violation ends with code 1.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { printReport } from "./report.ts";
import { runTorture } from "./run.ts";

const HELP = `deno task torture [options]

  --minutes N   how long faults are made (3); settling and checking take about a minute more
  --seed S      which faults happen when (by chance; it is printed)
`;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    minutes: { type: "string", default: "3" },
    seed: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error(HELP);
  Deno.exit(2);
}
console.log(`deno task torture --minutes ${minutes} --seed ${seed}\n`);
const result = await runTorture({ minutes, seed, onFault: (line) => console.log(line) });
await printReport(result, { minutes, seed });
Deno.exit(result.violations.length === 0 ? 0 : 1);
