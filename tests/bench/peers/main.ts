/**
 * `deno task bench:peers`: Maru and its peers, one after another, under the same open-loop load.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { describeMachine, describeVersions } from "./machine.ts";
import { measurePeer } from "./measure_peer.ts";
import { writePage } from "./page.ts";
import { PEERS } from "./peers.ts";
import type { PeerResult, Report, Settings } from "./results.ts";

const HELP = `deno task bench:peers [--] [options]

Without options: everything, for some 25 minutes, on a machine that does nothing else; then
docs/benchmarks.md and its charts are written anew.

  --quick          a few short steps, to see that it works; the numbers mean nothing
  --only A,B       some of ${PEERS.map(({ key }) => key).join(", ")}
  --seconds N      measured time of each step (5)
  --json FILE      writes everything that was measured (default .data/bench-peers.json)
  --from FILE      measures nothing: writes the page from such a file
  --page FILE      the page (default docs/benchmarks.md; with --quick or --only .data/benchmarks.md)
`;

// The targets name 20,000 in rooms of 2; what lies above is for whoever carries that.
const PAIR_RATES = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 24_000, 28_000];
// … and 1,600, 3,200 and 5,000 in rooms of 25.
const GROUP_RATES = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000];

const FULL: Settings = {
  seconds: 5,
  warmUpSeconds: 2,
  bisections: 2,
  bytes: 100,
  shapes: {
    pairs: { rooms: 250, members: 2, rates: PAIR_RATES },
    groups: { rooms: 20, members: 25, rates: GROUP_RATES },
  },
  idleClients: 4_000,
  settleSeconds: 10,
  returningClients: 2_000,
  missed: 50,
};

const QUICK: Settings = {
  ...FULL,
  seconds: 1.5,
  warmUpSeconds: 0.5,
  bisections: 0,
  shapes: {
    pairs: { ...FULL.shapes.pairs, rates: [500, 2_000] },
    groups: { ...FULL.shapes.groups, rates: [200] },
  },
  idleClients: 400,
  settleSeconds: 1,
  returningClients: 200,
};

/** A crowd's sockets are all in one process; half of them in each server. */
const SPARE_FILES = 500;
/** What a shell makes of Ctrl-C. */
const INTERRUPTED = 130;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    only: { type: "string" },
    seconds: { type: "string" },
    json: { type: "string", default: ".data/bench-peers.json" },
    from: { type: "string" },
    page: { type: "string" },
  },
});

if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const part = values.quick || values.only !== undefined;
const page = values.page ?? (part ? ".data/benchmarks.md" : "docs/benchmarks.md");
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(name, () => interrupt.abort(new Error(`Stopped by ${name}`)));
}
try {
  const report = values.from === undefined
    ? await measureAll(interrupt.signal)
    : JSON.parse(await Deno.readTextFile(values.from)) as Report;
  await writePage(page, report);
  console.log(`Written: ${page}`);
  Deno.exit(report.peers.some(({ troubles }) => troubles.length > 0) ? 1 : 0);
} catch (error) {
  if (error !== interrupt.signal.reason) throw error;
  console.log(interrupt.signal.reason.message);
  Deno.exit(INTERRUPTED);
}

async function measureAll(signal: AbortSignal): Promise<Report> {
  const peers = choosePeers(values.only);
  const base = values.quick ? QUICK : FULL;
  const settings = { ...base, seconds: Number(values.seconds ?? base.seconds) };
  await requireOpenFiles(settings.idleClients + SPARE_FILES);
  const startedAt = performance.now();
  const progress = (line: string) => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(`${String(seconds).padStart(5)} s  ${line}`);
  };
  const results: PeerResult[] = [];
  for (const peer of peers) {
    results.push(await measurePeer(peer, { settings, progress, signal }));
  }
  const report = {
    date: new Date().toISOString(),
    machine: await describeMachine(),
    versions: await describeVersions(results),
    settings,
    peers: results,
  };
  await Deno.mkdir(".data", { recursive: true });
  await Deno.writeTextFile(values.json, JSON.stringify(report, null, 2));
  return report;
}

function choosePeers(only: string | undefined) {
  if (only === undefined) return PEERS;
  return only.split(",").map((key) => {
    const peer = PEERS.find((peer) => peer.key === key);
    if (peer === undefined) throw new Error(`Cannot measure "${key}": no such peer`);
    return peer;
  });
}

async function requireOpenFiles(wanted: number): Promise<void> {
  const limits = await Deno.readTextFile("/proc/self/limits");
  const hard = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (hard === "unlimited" || Number(hard) >= wanted) return;
  throw new Error(`Cannot open ${wanted} sockets: the limit is ${hard}; try ulimit -Hn`);
}
