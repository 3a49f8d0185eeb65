import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { defineTask, PermanentTaskError, type Task } from "../../tasks/mod.ts";

/** How long the sweeping takes. */
export const SWEEP_MS = 10_000;

const BOARDS = 40;
/** Where the broom breaks, if it does. */
const BREAKS_AT = 16;

/** What the sweeping is started with. */
export interface SweepInput {
  /** Whether the broom breaks on the way. @default false */
  readonly breaks?: boolean | undefined;
}

/** What comes of it. */
export interface SweepResult {
  readonly boards: number;
  readonly seconds: number;
}

/**
 * The task of the page `/examples/task/`: sweeps the floor, board after board, says how far it is,
 * and ends when it is asked to.
 */
export const sweepTask: Task<SweepInput, SweepResult> = defineTask({
  name: "example.sweep",
  input: z.object({ breaks: z.boolean().default(false) }),
  output: z.object({ boards: z.int(), seconds: z.number() }),
  retries: 0,
  async run({ breaks }, { progress, signal }) {
    const startedAt = performance.now();
    for (let board = 1; board <= BOARDS; board++) {
      await delay(SWEEP_MS / BOARDS, undefined, { signal });
      if (breaks && board === BREAKS_AT) throw new PermanentTaskError("The broom broke");
      progress(board / BOARDS, `${board} / ${BOARDS}`);
    }
    return { boards: BOARDS, seconds: Math.round((performance.now() - startedAt) / 100) / 10 };
  },
});
