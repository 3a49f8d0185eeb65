import { isUnavailable } from "../../src/db/errors.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { delay } from "./delay.ts";
import { FAULTS } from "./faults/mod.ts";
import type { Planned } from "./schedule.ts";
import { NotMadeError, type World } from "./world.ts";

/** What {@linkcode runLane} needs to know of the run. */
export interface LaneOptions {
  /** When the run began and when it ends, by `performance.now()`. */
  readonly startedAt: number;
  readonly endsAt: number;
  /** Told of each fault when it is over. */
  readonly tell: (made: MadeFault) => void;
}

/** How it went with one fault. */
export interface MadeFault {
  readonly planned: Planned;
  /** `away`: another fault had taken what it needs. `failed`: the harness is at fault. */
  readonly outcome: "made" | "away" | "failed";
  readonly line: string;
}

const TRY_FOR_MS = 20_000;
const TRY_AGAIN_MS = 500;

/** The faults of one lane, one after the other, each when it is due or as soon as it can be made. */
export async function runLane(
  plan: readonly Planned[],
  world: World,
  { startedAt, endsAt, tell }: LaneOptions,
): Promise<void> {
  const now = () => performance.now() - startedAt;
  for (const planned of plan) {
    await delay(planned.at - now());
    const begun = now();
    const { outcome, what } = await make(planned, world, endsAt);
    const name = `${planned.lane.padEnd(9)}  ${planned.fault}`;
    tell({ planned, outcome, line: `${seconds(begun)} – ${seconds(now())}  ${name}: ${what}` });
  }
}

/** Tries until nothing that it needs is away. */
async function make({ fault, seed }: Planned, world: World, endsAt: number) {
  const deadline = Math.min(performance.now() + TRY_FOR_MS, endsAt);
  for (;;) {
    try {
      const what = await FAULTS[fault](world, new SeededRandom(seed));
      return { outcome: "made", what } as const;
    } catch (error) {
      const away = error instanceof NotMadeError || isUnavailable(error) || isLocked(error);
      if (!away) return { outcome: "failed", what: `FAILED: ${error}` } as const;
      if (performance.now() >= deadline) {
        return { outcome: "away", what: `not made: ${error}` } as const;
      }
    }
    await delay(TRY_AGAIN_MS);
  }
}

/** Another fault holds the room. */
function isLocked(error: unknown): boolean {
  return (error as { code?: string }).code === LOCK_NOT_AVAILABLE;
}

const LOCK_NOT_AVAILABLE = "55P03";

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(8);
}
