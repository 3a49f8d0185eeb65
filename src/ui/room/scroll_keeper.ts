/** Closer to the end than this, in pixels, counts as being there. */
export const AT_END_WITHIN_PX = 48;

/** A place in the view: its end, or a row and where it stands. */
export type ScrollMark = { readonly row: HTMLElement; readonly top: number } | "end";

/**
 * Keeps what somebody reads in its place while rows come and go above and below it, and keeps to the
 * end while they are there. Take a mark before the rows change, and return to it afterwards.
 *
 * Not every browser anchors by itself while content is put above; those that do are told not to
 * (`overflow-anchor: none`), since two corrections make a jump.
 */
export class ScrollKeeper {
  readonly #view: HTMLElement;
  #atEnd = true;

  constructor(view: HTMLElement) {
    this.#view = view;
  }

  /** Whether the end was in view when the place was last looked at. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Looks at the place again: somebody scrolled. */
  moved(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.#view;
    return this.#atEnd = scrollHeight - scrollTop - clientHeight <= AT_END_WITHIN_PX;
  }

  /** The place as it is now. */
  mark(): ScrollMark {
    if (this.#atEnd) return "end";
    const viewTop = this.#view.getBoundingClientRect().top;
    for (const row of this.#view.querySelectorAll<HTMLElement>("[data-row]")) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom > viewTop) return { row, top };
    }
    return "end";
  }

  /** Goes back to a place, wherever its row has moved. */
  restore(mark: ScrollMark): void {
    if (mark === "end" || !mark.row.isConnected) return this.toEnd();
    this.#view.scrollTop += mark.row.getBoundingClientRect().top - mark.top;
  }

  /** Goes to the end. */
  toEnd(): void {
    this.#view.scrollTop = this.#view.scrollHeight;
    this.#atEnd = true;
  }
}
