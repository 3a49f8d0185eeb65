import { barChart, lineChart } from "./chart.ts";
import { PEERS } from "./peers.ts";
import {
  highest,
  P99_LIMIT_MS,
  type PeerResult,
  type Report,
  type ShapeName,
  type Step,
} from "./results.ts";

/** A chart of the page. */
export interface Chart {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** The charts of a report; without those for which nothing was measured. */
export function drawCharts({ peers, settings }: Report): Chart[] {
  const shapes = (["pairs", "groups"] as const).map((name) => ({
    name,
    size: settings.shapes[name].members,
  }));
  return [
    ...shapes.map(({ name, size }) =>
      bars(peers, {
        name: `highest-rate-${name}`,
        title: `Highest rate in rooms of ${size}, messages a second`,
        value: (peer) => highest(peer.steps[name])?.rate ?? null,
        label: (rate) => (rate === settings.shapes[name].rates.at(-1) ? "≥ " : "") + number(rate),
      })
    ),
    ...shapes.map(({ name, size }) =>
      curves(peers, {
        name: `latency-${name}`,
        title: `Delivery in rooms of ${size}: p99`,
        yLabel: "ms, from when it was due",
        shape: name,
        y: ({ result }) => result.delivery.p99,
        limit: { y: P99_LIMIT_MS, label: `${P99_LIMIT_MS} ms: later is too late` },
      })
    ),
    ...shapes.map(({ name, size }) =>
      curves(peers, {
        name: `cpu-${name}`,
        title: `CPU a delivery in rooms of ${size}, all servers and the database`,
        yLabel: "µs",
        shape: name,
        y: (step) => step.passed ? step.cpuPerDelivery : null,
      })
    ),
    bars(peers, {
      name: "memory",
      title: "Memory of an idle connection",
      value: ({ idle }) => idle === null ? null : idle.bytesPerConnection / 1024,
      label: (kilobytes) => `${kilobytes.toFixed(1)} KB`,
    }),
    bars(peers, {
      name: "coming-back",
      title: `${settings.returningClients} clients come back at once: until the last has all`,
      value: ({ comeback }) =>
        comeback?.complete === comeback?.clients ? comeback?.last ?? null : null,
      label: (ms) => `${number(Math.round(ms))} ms`,
    }),
  ].filter((chart) => chart !== null);
}

interface BarsOptions {
  readonly name: string;
  readonly title: string;
  readonly value: (peer: PeerResult) => number | null;
  readonly label: (value: number) => string;
}

function bars(peers: readonly PeerResult[], options: BarsOptions): Chart | null {
  const { name, title } = options;
  const bars = peers.flatMap((peer) => {
    const value = options.value(peer);
    if (value === null) return [];
    return [{ name: shortTitle(peer), slot: slotOf(peer), value, label: options.label(value) }];
  });
  if (bars.length === 0) return null;
  const description = bars.map(({ name, label }) => `${name}: ${label}`).join("; ");
  return { name, title, svg: barChart({ title, description, bars }) };
}

interface CurvesOptions {
  readonly name: string;
  readonly title: string;
  readonly yLabel: string;
  readonly shape: ShapeName;
  readonly y: (step: Step) => number | null;
  readonly limit?: { readonly y: number; readonly label: string };
}

function curves(peers: readonly PeerResult[], options: CurvesOptions): Chart | null {
  const { name, title, yLabel, shape, y, limit } = options;
  const series = peers.map((peer) => ({
    name: peer.title,
    slot: slotOf(peer),
    points: peer.steps[shape].flatMap((step) => {
      const value = y(step);
      return value === null || value <= 0 ? [] : [[step.rate, value] as const];
    }),
  })).filter(({ points }) => points.length > 0);
  if (series.length === 0) return null;
  const description = series.map(({ name, points }) =>
    `${name}: ${points.map(([x, y]) => `${y.toPrecision(3)} at ${x}/s`).join(", ")}`
  ).join("; ");
  const svg = lineChart({
    title,
    description,
    xLabel: "messages a second, over all rooms",
    yLabel,
    series,
    ...limit === undefined ? {} : { limit },
  });
  return { name, title, svg };
}

function slotOf({ key }: PeerResult): number {
  return PEERS.findIndex((peer) => peer.key === key);
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function shortTitle({ title }: PeerResult): string {
  return title.replace(", one process, no database", "");
}
