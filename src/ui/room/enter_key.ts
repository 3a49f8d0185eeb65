/** The part of a `KeyboardEvent` that decides. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  /** Milliseconds, by the clock of the page. */
  readonly timeStamp: number;
}

/** The part of a `CompositionEvent` that decides. */
export type CompositionEnd = Pick<CompositionEvent, "data" | "timeStamp">;

/** An Enter that comes so soon after the end of a composition is the one that ended it. */
export const SAME_KEY_PRESS_MS = 50;

/** The key code of a key that belongs to an input method. */
const PROCESS_KEY = 229;

/**
 * Tells the Enter that sends from the Enter that belongs to an input method, which only accepts
 * what is being composed.
 *
 * Most browsers mark the latter with `isComposing` or key code 229. Where the input method passes it
 * on, as Korean ones do, the same press is reported a second time, unmarked, and that sends.
 *
 * Safari ends the composition first and reports the key afterwards, in some versions without a mark.
 * So an unmarked Enter right after a composition sends only when its marked twin was seen, or when
 * Hangul was composed: a syllable has no candidates that Enter could choose from.
 */
export class EnterKey {
  #markedEnter = false;
  #endedAt = -Infinity;

  /** A composition ends. */
  compositionEnd({ data, timeStamp }: CompositionEnd): void {
    this.#endedAt = /\p{Script=Hangul}$/u.test(data) ? -Infinity : timeStamp;
  }

  /** Whether this key press sends the message; to be asked of every key that goes down. */
  sends(press: KeyPress): boolean {
    const accepted = press.timeStamp - this.#endedAt < SAME_KEY_PRESS_MS && !this.#markedEnter;
    this.#endedAt = -Infinity;
    const marked = isOfInputMethod(press);
    this.#markedEnter = marked && isEnter(press);
    return press.key === "Enter" && !marked && !accepted &&
      !press.shiftKey && !press.ctrlKey && !press.altKey && !press.metaKey;
  }
}

/** Whether a key press is marked as an input method's. */
export function isOfInputMethod(press: Pick<KeyPress, "isComposing" | "keyCode">): boolean {
  return press.isComposing || press.keyCode === PROCESS_KEY;
}

// On Windows, and in Firefox, `key` is `Process` for whatever key the input method sees.
function isEnter({ key, code }: KeyPress): boolean {
  return key === "Enter" || code === "Enter" || code === "NumpadEnter";
}
