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
import { FAULT_NAMES, isFaultName } from "./schedule.ts";

const HELP = `deno task torture [options]

  --minutes N   how long faults are made (3); settling and checking take about a minute more
  --seed S      which faults happen when (by chance; it is printed)
  --only FAULT  makes this one fault again and again, such as "put back"; another name lists them all
`;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    minutes: { type: "string", default: "3" },
    seed: { type: "string" },
    only: { type: "string" },
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
const { only } = values;
if (only !== undefined && !isFaultName(only)) {
  console.error(`Cannot make the fault "${only}": there are ${FAULT_NAMES.join(", ")}`);
  Deno.exit(2);
}
const option = only === undefined ? "" : ` --only "${only}"`;
const command = `deno task torture --minutes ${minutes} --seed ${seed}${option}`;
console.log(`${command}\n`);
const result = await runTorture({
  minutes,
  seed,
  only,
  onFault: (line) => console.log(line),
});
await printReport(result, { command, directory: `.data/torture-${seed}` });
Deno.exit(result.violations.length === 0 ? 0 : 1);
