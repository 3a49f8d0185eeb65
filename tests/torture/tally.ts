import type { Violation } from "./checker.ts";
import { FAULT_NAMES, type FaultName } from "./schedule.ts";

/** From here on, every kind of fault has its turn often enough to be made at least once. */
const ALL_KINDS_MINUTES = 10;

/** How many of each fault were made, and how many could not be. */
export class FaultTally {
  readonly #made = new Map<FaultName, number>();
  readonly #notMade = new Map<FaultName, number>();

  made(fault: FaultName): void {
    this.#made.set(fault, (this.#made.get(fault) ?? 0) + 1);
  }

  notMade(fault: FaultName): void {
    this.#notMade.set(fault, (this.#notMade.get(fault) ?? 0) + 1);
  }

  /** Whether one of these was made. */
  has(...faults: readonly FaultName[]): boolean {
    return faults.some((fault) => this.#made.has(fault));
  }

  /** A line for each fault that was tried. */
  lines(): string[] {
    return FAULT_NAMES.flatMap((fault) => {
      const made = this.#made.get(fault) ?? 0;
      const notMade = this.#notMade.get(fault) ?? 0;
      if (made + notMade === 0) return [];
      return [`${fault}: ${made} made` + (notMade === 0 ? "" : `, ${notMade} not made`)];
    });
  }

  /** What a run cannot have proved, as it never made the fault. */
  violations(minutes: number, only?: FaultName): Violation[] {
    const rule = "faults are made";
    if (this.#made.size === 0) return [{ rule, detail: "not one was: the run proves nothing" }];
    if (only !== undefined || minutes < ALL_KINDS_MINUTES) return [];
    return FAULT_NAMES.filter((fault) => !this.#made.has(fault))
      .map((fault) => ({ rule, detail: `never "${fault}": the run proves nothing about it` }));
  }
}
