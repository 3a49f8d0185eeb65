/**
 * Tells where the time of CPU profiles went: `deno run --allow-read tests/bench/cpu_profile.ts DIR`.
 * Shares are of the time that was not idle, over all profiles in the folder.
 *
 * @module
 */

/** What is used of a V8 profile. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  /** In µs. */
  readonly timeDeltas: readonly number[];
}

const MOST = 25;
const NOT_WORK = new Set(["(idle)", "(program)"]);

const folder = Deno.args[0];
if (folder === undefined) {
  console.error("Cannot tell: say the folder of the profiles (--cpu-prof of the bench)");
  Deno.exit(2);
}
const byFunction = new Map<string, number>();
const byPart = new Map<string, number>();
let total = 0;
for await (const { name } of Deno.readDir(folder)) {
  if (name.endsWith(".cpuprofile")) take(JSON.parse(await Deno.readTextFile(`${folder}/${name}`)));
}
print("by part", byPart);
print("by function", byFunction);

function take({ nodes, samples, timeDeltas }: CpuProfile): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  for (const [i, id] of samples.entries()) {
    const { functionName, url } = frames.get(id)!;
    const micros = timeDeltas[i]!;
    if (NOT_WORK.has(functionName)) continue;
    total += micros;
    add(byPart, functionName === "(garbage collector)" ? "garbage collector" : partOf(url), micros);
    add(byFunction, `${functionName || "(anonymous)"}  ${fileOf(url)}`, micros);
  }
}

/** A folder of the server, a package, or the runtime. */
function partOf(url: string): string {
  if (url === "") return "native";
  const own = /\/(src\/[^/]+)/.exec(url)?.[1];
  const npm = /node_modules\/(?!\.deno)((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
  return npm ?? own ?? "runtime";
}

function fileOf(url: string): string {
  return /\/(src\/.*)$/.exec(url)?.[1] ?? url.split("/").slice(-2).join("/");
}

function add(sums: Map<string, number>, key: string, micros: number): void {
  sums.set(key, (sums.get(key) ?? 0) + micros);
}

function print(title: string, sums: Map<string, number>): void {
  console.log(`\n${title}`);
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, MOST);
  for (const [key, micros] of sorted) {
    console.log(`${(micros / total * 100).toFixed(1).padStart(6)} %  ${key}`);
  }
}
