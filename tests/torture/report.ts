import type { Violation } from "./checker.ts";
import type { RunResult } from "./run.ts";

const DETAILS_MAX = 8;

/** Prints what came of a run; where a promise is broken, keeps all that is known of it in a file. */
export async function printReport(
  result: RunResult,
  { command, directory }: { readonly command: string; readonly directory: string },
): Promise<void> {
  const { violations, counts, before, after, told, logged, record } = result;
  console.log("");
  for (const [name, count] of Object.entries(counts)) {
    console.log(`${String(count).padStart(8)} ${name}`);
  }
  console.log("");
  for (const line of result.faults) console.log(`         ${line}`);
  console.log(`\nmemory      ${before.memory.join(", ")} → ${after.memory.join(", ")} MiB`);
  console.log(`open files  ${before.files.join(", ")} → ${after.files.join(", ")}`);
  console.log(
    `database    ${[...after.connections].map(([name, n]) => `${name} ${n}`).join(", ")}`,
  );
  console.log(
    record.settledMs === null ? "settled     never" : `settled     after ${record.settledMs} ms`,
  );
  printCounts("clients were told", told);
  printCounts("instances logged", logged);
  console.log("");
  for (const [rule, found] of Map.groupBy(violations, ({ rule }) => rule)) printRule(rule, found);
  if (violations.length > 0) await keep(result, directory);
  const verdict = violations.length === 0
    ? "Every promise was kept"
    : `BROKEN: ${violations.length} violations`;
  console.log(`${verdict} (${command})`);
}

function printCounts(title: string, counts: ReadonlyMap<string, number>): void {
  console.log(`\n${title}:`);
  for (const [what, n] of [...counts].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(n).padStart(8)} ${what}`);
  }
}

function printRule(rule: string, violations: readonly Violation[]): void {
  console.log(`VIOLATED: ${rule} (${violations.length} times)`);
  for (const { detail } of violations.slice(0, DETAILS_MAX)) console.log(`    ${detail}`);
  if (violations.length > DETAILS_MAX) console.log("    …");
}

async function keep(
  { record, violations, logs }: RunResult,
  directory: string,
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const asJson = (_: string, value: unknown) => value instanceof Map ? [...value] : value;
  await Deno.writeTextFile(`${directory}/violations.json`, JSON.stringify(violations, null, 1));
  await Deno.writeTextFile(`${directory}/record.json`, JSON.stringify(record, asJson));
  await Deno.writeTextFile(`${directory}/instances.log`, logs);
  console.log(`\nkept in ${directory}: violations.json, record.json, instances.log\n`);
}
