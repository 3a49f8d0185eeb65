import type { ResetFrame, WelcomeFrame } from "../protocol/frames.ts";

/** Where a room's stream stands: the position up to which everything has been told, and in which history. */
export class StreamPlace {
  #position: number | undefined;
  #epoch: string | undefined;

  /** One without the other says nothing: the stream then begins where it is now. */
  constructor(position?: number, epoch?: string) {
    if (position === undefined || epoch === undefined) return;
    this.#position = position;
    this.#epoch = epoch;
  }

  /** Unknown before the first welcome. */
  get position(): number | undefined {
    return this.#position;
  }

  /** The query with which a socket goes on from here; empty when there is no place yet. */
  get query(): string {
    if (this.#position === undefined || this.#epoch === undefined) return "";
    return `?${new URLSearchParams({ after: String(this.#position), epoch: this.#epoch })}`;
  }

  /**
   * Begins where the server begins; with a place of its own it goes on. False when that cannot be:
   * `reset` follows.
   */
  begin({ position, epoch }: WelcomeFrame): boolean {
    this.#position ??= position;
    this.#epoch ??= epoch;
    return this.#position === position && this.#epoch === epoch;
  }

  /** Whether this position is new; one that came before is the same entry again. */
  advance(position: number): boolean {
    if (this.has(position)) return false;
    this.#position = position;
    return true;
  }

  /** Whether what stands at this position has been told, or jumped over by a reset. */
  has(position: number): boolean {
    return this.#position !== undefined && position <= this.#position;
  }

  /** Goes on from another place. */
  reset({ position, epoch }: ResetFrame): void {
    this.#position = position;
    this.#epoch = epoch;
  }
}
