import { type ReadonlySignal, signal } from "@preact/signals";

/** How far somebody has read: what arrives out of their sight is counted until they have seen the end. */
export class Reading {
  readonly #unseen = signal(0);
  readonly #atEnd = signal(true);
  #visible = true;

  /** Messages of others that came out of sight. */
  get unseen(): ReadonlySignal<number> {
    return this.#unseen;
  }

  /** Whether the end of the conversation is in view. */
  get atEnd(): ReadonlySignal<boolean> {
    return this.#atEnd;
  }

  /** A message came. */
  arrived(mine: boolean): void {
    if (mine || (this.#atEnd.value && this.#visible)) return;
    this.#unseen.value++;
  }

  /** The view moved. */
  moved(atEnd: boolean): void {
    this.#atEnd.value = atEnd;
    this.#settle();
  }

  /** The page was shown or hidden. */
  shown(visible: boolean): void {
    this.#visible = visible;
    this.#settle();
  }

  #settle(): void {
    if (this.#atEnd.value && this.#visible) this.#unseen.value = 0;
  }
}
