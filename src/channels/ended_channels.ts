/** So many channels that ended last are known for sure; at times twice as many, about 2 MB. */
export const ENDED_CHANNELS_KNOWN = 10_000;

/**
 * The own channels that were given up of late. Somebody on another instance may not know it yet:
 * what is added to a group then would stay in it, as nobody is there to give it up again.
 */
export class EndedChannels {
  // Two halves, of which the older one is forgotten whole: there is no order to be kept.
  #newer = new Set<string>();
  #older = new Set<string>();

  add(channel: string): void {
    if (this.#newer.size === ENDED_CHANNELS_KNOWN) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(channel);
  }

  /** It lives again. */
  delete(channel: string): void {
    this.#newer.delete(channel);
    this.#older.delete(channel);
  }

  has(channel: string): boolean {
    return this.#newer.has(channel) || this.#older.has(channel);
  }
}
