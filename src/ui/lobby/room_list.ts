import { batch, type ReadonlySignal, signal } from "@preact/signals";
import type { Api, Room, RoomList as Page } from "../../client/mod.ts";
import { parseRoomName, type RoomName } from "../../protocol/room_name.ts";
import type { Trouble } from "../language/texts.ts";
import { troubleOf } from "../trouble.ts";

/** Rooms of one page. */
export const ROOMS_PAGE_SIZE = 30;

/**
 * The rooms of the lobby, the most recently active first, or those whose name has what is searched for.
 *
 * The newest request wins: the answer to an earlier one is dropped.
 */
export class RoomList {
  readonly #api: Api;
  readonly #rooms = signal<readonly Room[] | null>(null);
  readonly #next = signal<string | null>(null);
  readonly #trouble = signal<Trouble | null>(null);
  readonly #found = signal("");
  #query = "";
  #pages = 1;
  #request = new AbortController();

  constructor(api: Api) {
    this.#api = api;
  }

  /** The rooms; `null` until the first answer. */
  get rooms(): ReadonlySignal<readonly Room[] | null> {
    return this.#rooms;
  }

  /** Whether there are more. */
  get hasMore(): boolean {
    return this.#next.value !== null;
  }

  /** Why the last request failed. */
  get trouble(): ReadonlySignal<Trouble | null> {
    return this.#trouble;
  }

  /** Whether the answer to a search shows that there is no such room; `false` until it has come. */
  lacks({ name, key }: RoomName): boolean {
    const rooms = this.#rooms.value;
    if (!rooms || this.#found.value !== name || this.hasMore) return false;
    return rooms.every((room) => parseRoomName(room.name)?.key !== key);
  }

  /** Shows the rooms whose name has this. */
  async search(query: string): Promise<void> {
    this.#query = query;
    this.#pages = 1;
    await this.#load((page) => this.#replace(page));
  }

  /** Looks what is new. */
  async refresh(): Promise<void> {
    await this.#load((page) => {
      if (this.#pages === 1) return this.#replace(page);
      const fresh = new Set(page.rooms.map(({ name }) => name));
      const rest = (this.#rooms.value ?? []).filter(({ name }) => !fresh.has(name));
      this.#rooms.value = [...page.rooms, ...rest];
    });
  }

  /** Adds the next page. */
  async loadMore(): Promise<void> {
    const before = this.#next.value;
    if (before === null) return;
    await this.#load((page) => {
      this.#pages++;
      const known = new Set((this.#rooms.value ?? []).map(({ name }) => name));
      const more = page.rooms.filter(({ name }) => !known.has(name));
      this.#rooms.value = [...(this.#rooms.value ?? []), ...more];
      this.#next.value = page.next;
    }, before);
  }

  /** Gives up what is under way. */
  close(): void {
    this.#request.abort();
  }

  #replace(page: Page): void {
    this.#rooms.value = page.rooms;
    this.#next.value = page.next;
  }

  async #load(apply: (page: Page) => void, before?: string): Promise<void> {
    this.#request.abort();
    const { signal } = this.#request = new AbortController();
    try {
      const page = await this.#api.rooms({
        limit: ROOMS_PAGE_SIZE,
        signal,
        ...(this.#query === "" ? {} : { q: this.#query }),
        ...(before === undefined ? {} : { before }),
      });
      if (signal.aborted) return;
      batch(() => {
        apply(page);
        this.#found.value = this.#query;
        this.#trouble.value = null;
      });
    } catch (error) {
      if (!signal.aborted) this.#trouble.value = troubleOf(error);
    }
  }
}
