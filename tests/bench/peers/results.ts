import type { LoadResult } from "../load.ts";
import type { Measured } from "../measure.ts";
import type { IdleMeasured, ReturnMeasured } from "./measure_crowd.ts";

/** All that a run found: what it writes as JSON, and what the page and its charts are made of. */
export interface Report {
  readonly date: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Settings;
  readonly peers: readonly PeerResult[];
}

/** How much is measured. */
export interface Settings {
  /** Measured time of a step; the warm-up comes before it. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly bisections: number;
  /** Length of a message's text. */
  readonly bytes: number;
  readonly shapes: Readonly<Record<ShapeName, Shape>>;
  readonly idleClients: number;
  readonly settleSeconds: number;
  readonly returningClients: number;
  readonly missed: number;
}

export type ShapeName = "pairs" | "groups";

/** Rooms of one size, and the rates that are tried in them, in messages a second over all rooms. */
export interface Shape {
  readonly rooms: number;
  readonly members: number;
  readonly rates: readonly number[];
}

/** What was measured of one peer; null what was not. */
export interface PeerResult {
  readonly key: string;
  readonly title: string;
  /** Why it was left out. */
  readonly missing: string | null;
  readonly steps: Readonly<Record<ShapeName, readonly Step[]>>;
  readonly idle: IdleMeasured | null;
  readonly comeback: ReturnMeasured | null;
  /** What could not be measured, and why. */
  readonly troubles: readonly string[];
}

/** A load at one rate. */
export interface Step extends Measured {
  readonly rate: number;
  readonly passed: boolean;
}

/** A step passes when nothing is lost, doubled or refused, and p99 from the due time is below this. */
export const P99_LIMIT_MS = 250;

export function passes({ lost, doubled, closed, errors, delivery }: LoadResult): boolean {
  return lost + doubled + closed === 0 && Object.keys(errors).length === 0 &&
    delivery.p99 < P99_LIMIT_MS;
}

/** The step of the highest rate that passed, or null. */
export function highest(steps: readonly Step[]): Step | null {
  return steps.findLast((step) => step.passed) ?? null;
}

export function stepAt(steps: readonly Step[], rate: number): Step | null {
  return steps.find((step) => step.rate === rate) ?? null;
}

/**
 * The highest of these rates at which all passed who were measured; the lowest when there is none, so
 * that all are shown at the same one.
 */
export function commonRate(
  rates: readonly number[],
  all: readonly (readonly Step[])[],
): number {
  const measured = all.filter((steps) => steps.length > 0);
  const passed = (rate: number) => measured.every((steps) => stepAt(steps, rate)?.passed === true);
  return rates.findLast(passed) ?? rates[0]!;
}

/** The most members of a step that saw another order, over the steps that passed; null without any. */
export function membersInAnotherOrder(peer: PeerResult): number | null {
  const passed = Object.values(peer.steps).flat().filter((step) => step.passed);
  if (passed.length === 0) return null;
  return Math.max(...passed.map((step) => step.result.otherOrder));
}
