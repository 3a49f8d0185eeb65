import { type ReadonlySignal, signal } from "@preact/signals";
import { type Api, ApiError } from "../../client/mod.ts";
import type { Sender } from "../../protocol/frames.ts";
import { RoomList } from "./room_list.ts";

/** The lobby: who one is, and which rooms there are. */
export class Lobby {
  readonly rooms: RoomList;
  readonly #api: Api;
  readonly #you = signal<Sender | null>(null);

  constructor(api: Api) {
    this.#api = api;
    this.rooms = new RoomList(api);
  }

  /** Who one is, once that is known. */
  get you(): ReadonlySignal<Sender | null> {
    return this.#you;
  }

  /** Looks who one is and what is new; what fails is tried again with the next call. */
  async refresh(): Promise<void> {
    // One after the other: a guest's first answer brings the cookie, and two would make two guests.
    if (!this.#you.value) {
      try {
        this.#you.value = await this.#api.me();
      } catch {
        // The rooms are asked for in any case, and tell what is wrong.
      }
    }
    await this.rooms.refresh();
  }

  /** Takes another name. Throws what {@linkcode Api.renameMe} throws. */
  async rename(name: string): Promise<void> {
    this.#you.value = await this.#api.renameMe(name);
  }

  /** Finds the room of this name, or opens it where one may, and returns its name. */
  async enter(name: string): Promise<string> {
    try {
      return (await this.#api.createRoom(name)).name;
    } catch (error) {
      const mayOnlyEnter = error instanceof ApiError &&
        (error.code === "not_allowed" || error.code === "not_signed_in");
      if (!mayOnlyEnter) throw error;
      return (await this.#api.room(name).catch(() => Promise.reject(error))).name;
    }
  }
}
