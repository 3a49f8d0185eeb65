import { SeededRandom } from "../support/seeded_random.ts";

/** What can go wrong, by the lane in which it happens: of one lane, one at a time. */
export const LANES = {
  database: ["stop fast", "stop immediate", "long outage", "put back", "fail over", "fill up"],
  sessions: ["end listeners", "end writers", "end all", "lock a room", "flood a room"],
  instances: ["kill", "freeze", "drain", "rolling restart"],
  links: ["cut link", "swallow link", "freeze listener"],
  clients: ["cut clients", "swallow clients", "away"],
  loads: ["slow readers", "overload"],
} as const;

export type Lane = keyof typeof LANES;
export type FaultName = typeof LANES[Lane][number];

/** Every fault there is. */
export const FAULT_NAMES: readonly FaultName[] = Object.values(LANES).flat();

export function isFaultName(name: string): name is FaultName {
  return (FAULT_NAMES as readonly string[]).includes(name);
}

/** A fault to be made. */
export interface Planned {
  readonly lane: Lane;
  readonly fault: FaultName;
  /** When, in ms from the beginning; later when the one before it in its lane is not over. */
  readonly at: number;
  /** Of its own, so that what it chooses does not depend on how the others went. */
  readonly seed: number;
}

/** Everybody talks undisturbed for so long, at first. */
export const QUIET_MS = 10_000;

// About how long each takes with its healing; only to plan by.
const TAKES_MS: Readonly<Record<FaultName, number>> = {
  "stop fast": 4_000,
  "stop immediate": 4_000,
  "long outage": 16_000,
  "put back": 12_000,
  "fail over": 8_000,
  "fill up": 9_000,
  "end listeners": 500,
  "end writers": 500,
  "end all": 500,
  "lock a room": 20_000,
  "flood a room": 3_000,
  "kill": 6_000,
  "freeze": 10_000,
  "drain": 14_000,
  "rolling restart": 42_000,
  "cut link": 2_000,
  "swallow link": 12_000,
  "freeze listener": 15_000,
  "cut clients": 3_500,
  "swallow clients": 15_000,
  "away": 25_000,
  "slow readers": 26_000,
  "overload": 8_000,
};

const PAUSE_MS = [2_000, 7_000] as const;
/** Longer where everybody loads anew: a reset hides whatever else may go wrong. */
const DATABASE_PAUSE_MS = [7_000, 17_000] as const;

/** Options of {@linkcode planFaults}. */
export interface PlanOptions {
  /** Makes this one fault, again and again. @default all of them */
  readonly only?: FaultName | undefined;
}

/**
 * Which faults happen when: a function of the seed and the length alone. Each lane goes through all
 * of its faults in some order before any comes again.
 */
export function planFaults(seed: number, minutes: number, { only }: PlanOptions = {}): Planned[] {
  const random = new SeededRandom(seed);
  const planned: Planned[] = [];
  for (const [lane, all] of Object.entries(LANES) as [Lane, readonly FaultName[]][]) {
    const own = random.fork();
    const faults = all.filter((fault) => only === undefined || fault === only);
    if (faults.length === 0) continue;
    const [pauseMin, pauseMax] = lane === "database" ? DATABASE_PAUSE_MS : PAUSE_MS;
    let at = QUIET_MS;
    let waiting: FaultName[] = [];
    for (;;) {
      if (waiting.length === 0) waiting = own.shuffle(faults);
      at += own.whole(pauseMin, pauseMax);
      const fault = waiting.shift()!;
      if (at + TAKES_MS[fault] > minutes * 60_000) break;
      planned.push({ lane, fault, at, seed: own.whole(0, 2 ** 32 - 1) });
      at += TAKES_MS[fault];
    }
  }
  return planned.sort((a, b) => a.at - b.at);
}
