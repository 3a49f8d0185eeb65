import type { Comparison } from "./compare.ts";
import type { LoadResult } from "./fleet.ts";

/** The layer is to carry so many times the messages of bare calls. */
const CAPACITY_TARGET = 5;

/** What was measured, as tables for people. */
export function printComparisons(comparisons: readonly Comparison[]): string {
  return [
    "One process sends; each receiving instance is a process of its own, with a member in each " +
    `group; they and PostgreSQL share ${navigator.hardwareConcurrency} cores.`,
    "Bare: pg_notify and listen of postgres.js, one call a message; awaited one after the other, or " +
    "pipelined on one connection. PostgreSQL takes no more than 7,999 bytes a call, so a longer " +
    "message is cut, which takes 20 KB three calls and three transactions.",
    "In both, the sender listens, too, as an instance with users of its own does. The layer also " +
    "encrypts, finds what was forged or came twice, and tells a long message whole or not at all.",
    "",
    "Messages a second that the slowest instance hears while as much is sent as is taken",
    table(CAPACITY_HEAD, comparisons.map(capacityRow)),
    "",
    "Milliseconds from the call to the handler, at the same rate for both: sends at fixed times, in " +
    "turns of 1 to 2 ms, none awaited",
    table(LATENCY_HEAD, comparisons.flatMap(latencyRows)),
  ].join("\n");
}

const CASE_HEAD = ["groups", "bytes", "instances"];

const CAPACITY_HEAD = [
  ...CASE_HEAD,
  "bare awaited/s",
  "bare pipelined/s",
  "layer/s",
  `≥ ${CAPACITY_TARGET} × awaited`,
  `≥ ${CAPACITY_TARGET} × pipelined`,
  "µs/message pipelined: sender + receivers + PostgreSQL",
  "µs/message layer",
  "lost, doubled, disordered",
];

function capacityRow(line: Comparison): string[] {
  const { awaited, pipelined, layer } = line.capacity;
  const times = (bare: LoadResult) => {
    const ratio = layer.perSecond / bare.perSecond;
    return `${ratio.toFixed(1)} × ${ratio >= CAPACITY_TARGET ? "reached" : "missed"}`;
  };
  return [
    ...caseCells(line),
    awaited.perSecond.toFixed(0),
    pipelined.perSecond.toFixed(0),
    layer.perSecond.toFixed(0),
    times(awaited),
    times(pipelined),
    cpuCell(pipelined),
    cpuCell(layer),
    wrongCell([awaited, pipelined, layer]),
  ];
}

const LATENCY_HEAD = [
  ...CASE_HEAD,
  "rate/s",
  "bare p50/p99",
  "layer p50/p99",
  "p50 no worse",
  "lost, doubled, disordered",
];

function latencyRows(line: Comparison): string[][] {
  return line.latencies.map(({ rate, bare, layer }) => {
    const reached = layer.p50 <= bare.p50 && layer.lost === 0;
    return [
      ...caseCells(line),
      String(rate),
      `${bare.p50.toFixed(2)}/${bare.p99.toFixed(2)}`,
      `${layer.p50.toFixed(2)}/${layer.p99.toFixed(2)}`,
      `${(layer.p50 / bare.p50).toFixed(2)} × ${reached ? "reached" : "missed"}`,
      wrongCell([bare, layer]),
    ];
  });
}

function caseCells({ groups, bytes, instances }: Comparison): string[] {
  return [groups, bytes, instances].map(String);
}

function cpuCell({ cpu }: LoadResult): string {
  const parts = [cpu.senders, cpu.receivers, cpu.postgres];
  const sum = parts.reduce((total, part) => total + part, 0);
  return `${parts.map((part) => part.toFixed(1)).join(" + ")} = ${sum.toFixed(1)}`;
}

function wrongCell(results: readonly LoadResult[]): string {
  const sum = (what: "lost" | "doubled" | "disordered") =>
    results.reduce((total, result) => total + result[what], 0);
  return `${sum("lost")}, ${sum("doubled")}, ${sum("disordered")}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
