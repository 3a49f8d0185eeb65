/**
 * `deno task fuzz --frames N --seed S`: generated frames and requests, right, nearly right and
 * wrong, against one instance, while two people chat. Each wrong one gets its error; the instance
 * lives, its memory comes back, and the two hear one another.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { collectGarbage, COLLECTING_FLAGS } from "../bench/servers.ts";
import { PrivateServer } from "../support/database.ts";
import { type Instance, startInstance } from "../support/instance.ts";
import { GIVING_BACK, memoryMib } from "../support/memory.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { connect } from "../../src/db/pool.ts";
import { deafPeers, endlessMessages, silentConnections, silentSockets } from "./bad_peers.ts";
import { Bystanders } from "./bystanders.ts";
import { fuzzFrames, type FuzzTarget } from "./frame_fuzzer.ts";
import { Outcome } from "./outcome.ts";
import { ADDRESS_HEADER } from "./request_cases.ts";
import { fuzzRequests } from "./request_fuzzer.ts";

const HELP = `deno task fuzz [options]

  --frames N    how many frames and requests (200000)
  --seed S      which ones (by chance; it is printed)
  --short       10000, and no peer that has to be waited for: about 20 s
`;

const WORKERS = 8;
const REQUEST_SHARE = 0.1;
const WARM_UP_SHARE = 0.2;
// Seen: 10 to 25 MiB more than the 93 to 103 before, in the short form and in the whole; 85 more
// without GIVING_BACK, nearly all of it freed buffers of the peers that never read.
const MEMORY_MARGIN_MIB = 60;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    frames: { type: "string" },
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const frames = Number(values.frames ?? (values.short ? 10_000 : 200_000));
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
if (!(frames > 0) || !Number.isInteger(seed)) {
  console.error(HELP);
  Deno.exit(2);
}
Deno.exit(await main());

async function main(): Promise<number> {
  const command = `deno task fuzz --frames ${frames} --seed ${seed}${
    values.short ? " --short" : ""
  }`;
  console.log(`${command}\n`);
  await using postgres = await PrivateServer.start();
  await createRooms(postgres.url);
  await using instance = await startInstance({
    databaseUrl: postgres.url,
    env: {
      MESSAGE_RATE: "0",
      LOG_LEVEL: "warning",
      CLIENT_ADDRESS_HEADER: ADDRESS_HEADER,
      ...GIVING_BACK,
    },
    flags: COLLECTING_FLAGS,
  });
  const outcome = new Outcome();
  const memory = await attack(instance, outcome);
  for (const line of complaints(instance)) outcome.fail(`logged: ${line}`);

  for (const [name, n] of [...outcome.tried].sort()) {
    console.log(`${String(n).padStart(8)} ${name}`);
  }
  console.log(`\nmemory      ${memory}`);
  console.log("");
  for (const line of outcome.lines()) console.log(line);
  const verdict = outcome.failed === 0
    ? `All ${outcome.total} were answered as they should be`
    : `BROKEN: ${outcome.failed} of ${outcome.total}`;
  console.log(`${verdict} (${command})`);
  return outcome.failed === 0 ? 0 : 1;
}

async function attack(instance: Instance, outcome: Outcome): Promise<string> {
  let exited = false;
  void instance.exited.then(() => exited = true);
  const random = new SeededRandom(seed);
  const bystanders = await Bystanders.enter(instance.wsOrigin, "bystanders", outcome);
  await fuzzAll(instance, outcome, random, frames * WARM_UP_SHARE);
  const before = await settledMemory(instance);
  const parts = [endlessMessages(instance.port, "fuzz-0", outcome)];
  if (!values.short) {
    parts.push(deafPeers(instance.port, "loud", outcome));
    parts.push(silentSockets(instance.port, "fuzz-1", outcome));
    parts.push(silentConnections(instance.port, outcome));
  }
  parts.push(fuzzAll(instance, outcome, random, frames * (1 - WARM_UP_SHARE)));
  await Promise.all(parts.map((part) => outcome.watch(part)));
  await bystanders[Symbol.asyncDispose]();
  console.log(`bystanders  ${bystanders.summary}`);
  if (exited) {
    outcome.fail("the instance has ended");
    return "gone";
  }
  const after = await settledMemory(instance);
  if (after > before + MEMORY_MARGIN_MIB) {
    outcome.fail(`memory grew from ${before} to ${after} MiB`);
  }
  return `${before} → ${after} MiB`;
}

/** In MiB, after a collection: else it is a matter of luck how long ago the last one was. */
async function settledMemory({ pid }: Instance): Promise<number> {
  await collectGarbage({ collecting: [pid] });
  return await memoryMib(pid);
}

async function fuzzAll(
  { port }: Instance,
  outcome: Outcome,
  random: SeededRandom,
  n: number,
): Promise<void> {
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => {
    const target: FuzzTarget = { port, room: `fuzz-${worker}`, outcome, random: random.fork() };
    return outcome.watch(fuzzOne(target, n / WORKERS));
  }));
}

async function fuzzOne(target: FuzzTarget, n: number): Promise<void> {
  await fuzzFrames(target, n * (1 - REQUEST_SHARE));
  await fuzzRequests(target, n * REQUEST_SHARE);
}

async function createRooms(url: string): Promise<void> {
  const fuzzed = Array.from({ length: WORKERS }, (_, n) => `fuzz-${n}`);
  const names = JSON.stringify(["bystanders", "loud", ...fuzzed]);
  const sql = connect(url, { name: "fuzz" });
  await sql`
    insert into rooms (name, key)
    select n, n from json_array_elements_text(${names}::text::json) n`;
  await sql.end({ timeout: 1 });
}

/** A warning tells of the peers; an error is a fault of the instance. */
function complaints(instance: Instance): string[] {
  return instance.logs().split("\n").filter((line) => line !== "" && !/"level":"WARN/.test(line))
    .map((line) => line.slice(0, 600));
}
