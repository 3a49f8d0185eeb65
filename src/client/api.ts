import type { HistoryPage, Me, Posted, Room, RoomList } from "./answers.ts";
import { type Clock, systemClock } from "./clock.ts";
import { request, type RequestOptions, type RequestSurroundings } from "./request.ts";

/** Options of {@linkcode Api}. */
export interface ApiOptions {
  /**
   * Where the server is, such as `https://chat.example.org`.
   * @default {location.origin}
   */
  readonly baseUrl?: string;
  /** Called in place of the global `fetch`, to add an `Authorization` header, for example. */
  readonly fetch?: typeof fetch;
  /** The clock of the time-outs. */
  readonly clock?: Clock;
}

/** Which rooms to list. */
export interface RoomsQuery extends RequestOptions {
  /** At most so many. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly before?: string;
  /** Part of the name. */
  readonly q?: string;
}

/** Which page of history: the newest when none of the three places is given. */
export interface HistoryQuery extends RequestOptions {
  /** The messages before this seq. */
  readonly beforeSeq?: number;
  /** The messages after this seq. */
  readonly afterSeq?: number;
  /** The messages on both sides of this seq. */
  readonly aroundSeq?: number;
  /** At most so many, up to 200. */
  readonly limit?: number;
}

/** A message to post; the same `id` is stored once, however often it is posted. */
export interface NewMessage {
  /** A UUID made by the caller. */
  readonly id: string;
  /** The text. */
  readonly message: string;
  /** The seq of the message that this one answers. */
  readonly reply_to?: number;
}

/**
 * The HTTP API. Every call throws {@linkcode ApiError} for what the server refused, `TypeError` when it
 * could not be reached, and a `DOMException` named `TimeoutError` when it did not answer.
 *
 * @example
 * ```ts
 * import { Api } from "./api.ts";
 * const api = new Api({ baseUrl: "http://localhost:8000" });
 * const { messages } = await api.history("lobby", { limit: 20 });
 * ```
 */
export class Api {
  readonly #surroundings: RequestSurroundings;

  /** Throws `TypeError` when there is no `baseUrl`. */
  constructor(options: ApiOptions = {}) {
    const baseUrl = (options.baseUrl ?? globalThis.location?.origin ?? "").replace(/\/$/, "");
    if (baseUrl === "") throw new TypeError("Cannot call the API without a `baseUrl`");
    this.#surroundings = {
      baseUrl,
      fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
      clock: options.clock ?? systemClock,
    };
  }

  /** Whoever calls; a guest who comes for the first time gets their cookie with the answer. */
  me(options: RequestOptions = {}): Promise<Me> {
    return this.#request("GET", "/api/me", options);
  }

  /** Takes another name. */
  renameMe(name: string, options: RequestOptions = {}): Promise<Me> {
    return this.#request("PATCH", "/api/me", { ...options, body: { name } });
  }

  /** Rooms, the most recently active first. */
  rooms(query: RoomsQuery = {}): Promise<RoomList> {
    const { limit, before, q, ...options } = query;
    return this.#request("GET", "/api/rooms" + search({ limit, before, q }), options);
  }

  /** Creates a room, or finds the one that has this name. */
  createRoom(name: string, options: RequestOptions = {}): Promise<Room> {
    return this.#request("POST", "/api/rooms", { ...options, body: { name } });
  }

  /** One room. */
  room(name: string, options: RequestOptions = {}): Promise<Room> {
    return this.#request("GET", roomPath(name), options);
  }

  /** A page of a room's history, in the order of seq. */
  history(room: string, query: HistoryQuery = {}): Promise<HistoryPage> {
    const { beforeSeq, afterSeq, aroundSeq, limit, ...options } = query;
    const place = { before_seq: beforeSeq, after_seq: afterSeq, around_seq: aroundSeq, limit };
    return this.#request("GET", `${roomPath(room)}/messages${search(place)}`, options);
  }

  /** Posts a message without a socket; safe to call again with the same id. */
  postMessage(room: string, message: NewMessage, options: RequestOptions = {}): Promise<Posted> {
    return this.#request("POST", `${roomPath(room)}/messages`, { ...options, body: message });
  }

  #request<Body>(
    method: string,
    path: string,
    options: RequestOptions & { body?: unknown },
  ): Promise<Body> {
    return request(this.#surroundings, method, path, options);
  }
}

function roomPath(room: string): string {
  return `/api/rooms/${encodeURIComponent(room)}`;
}

function search(fields: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== "") params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}
