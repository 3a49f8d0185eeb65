/** The part of a `KeyboardEvent` that decides. */
export interface KeyPress {
  readonly key: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  /** Milliseconds, by the clock of the page. */
  readonly timeStamp: number;
}

/** An Enter that comes so soon after the end of a composition is the one that ended it. */
export const SAME_KEY_PRESS_MS = 50;

/**
 * Tells the Enter that sends from the Enter that belongs to an input method, which only accepts
 * the syllable or the word that is being composed.
 *
 * Most browsers mark the latter with `isComposing` or key code 229. Safari ends the composition first
 * and reports the key afterwards, as if it were plain. Chrome on macOS, with Korean, reports the key
 * twice, first marked and then plain, and there the plain one is meant to send: so a plain Enter
 * right after a composition counts only when its marked twin was seen.
 */
export class EnterKey {
  #composing = false;
  #markedEnter = false;
  #endedAt = -Infinity;

  /** A composition begins. */
  compositionStart(): void {
    this.#composing = true;
    this.#markedEnter = false;
  }

  /** A composition ends. */
  compositionEnd(timeStamp: number): void {
    this.#composing = false;
    this.#endedAt = timeStamp;
  }

  /** Whether this key press sends the message. */
  sends(press: KeyPress): boolean {
    if (press.key !== "Enter") return false;
    if (press.isComposing || press.keyCode === 229 || this.#composing) {
      this.#markedEnter = true;
      return false;
    }
    const ended = press.timeStamp - this.#endedAt < SAME_KEY_PRESS_MS && !this.#markedEnter;
    this.#endedAt = -Infinity;
    return !ended && !press.shiftKey && !press.ctrlKey && !press.altKey && !press.metaKey;
  }
}
