import type { ErrorCode } from "../protocol/codes.ts";
import type { HistoryPage, Me, Posted, Problem, Room, RoomList } from "./answers.ts";
import { type Clock, systemClock } from "./clock.ts";

/** A request is given up after so many milliseconds without an answer. */
export const REQUEST_TIMEOUT_MS = 15_000;

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

/** Options of every call. */
export interface RequestOptions {
  /** Gives the request up. */
  readonly signal?: AbortSignal;
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

/** The server refused a request, and says why. */
export class ApiError extends Error {
  /** `ApiError` */
  override readonly name = "ApiError";
  /** The problem details (RFC 9457). */
  readonly problem: Problem;
  /** Seconds to wait before the same request may succeed, if the server gave any. */
  readonly retryAfter: number | undefined;

  /** Takes what the server answered. */
  constructor(problem: Problem, options: { retryAfter?: number | undefined } = {}) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.retryAfter = options.retryAfter;
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }

  /** One of the codes of the catalogue. */
  get code(): ErrorCode {
    return this.problem.code;
  }

  /** Whether the same request can succeed later. */
  get retry(): boolean {
    return this.problem.retry;
  }
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
  readonly #baseUrl: string;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;

  /** Throws `TypeError` when there is no `baseUrl`. */
  constructor(options: ApiOptions = {}) {
    this.#baseUrl = (options.baseUrl ?? globalThis.location?.origin ?? "").replace(/\/$/, "");
    if (this.#baseUrl === "") throw new TypeError("Cannot call the API without a `baseUrl`");
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#clock = options.clock ?? systemClock;
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

  async #request<Body>(
    method: string,
    path: string,
    options: RequestOptions & { body?: unknown },
  ): Promise<Body> {
    const timeout = new AbortController();
    const stop = this.#clock.after(
      REQUEST_TIMEOUT_MS,
      () => timeout.abort(new DOMException("The server did not answer", "TimeoutError")),
    );
    try {
      const response = await this.#fetch(this.#baseUrl + path, {
        method,
        signal: options.signal ? AbortSignal.any([options.signal, timeout.signal]) : timeout.signal,
        ...(options.body === undefined ? {} : {
          body: JSON.stringify(options.body),
          headers: { "content-type": "application/json" },
        }),
      });
      if (!response.ok) throw await apiError(response);
      return await response.json();
    } finally {
      stop();
    }
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

async function apiError(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("retry-after") ?? NaN);
  const text = await response.text();
  return new ApiError(parseProblem(text) ?? unexplained(response), {
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

function parseProblem(text: string): Problem | null {
  try {
    const body = JSON.parse(text);
    return typeof body?.code === "string" && typeof body.status === "number" ? body : null;
  } catch {
    return null;
  }
}

// A proxy in front of the server answers in its own way, most often with a page of HTML.
function unexplained(response: Response): Problem {
  const { status } = response;
  return {
    type: "about:blank",
    title: response.statusText || `Status ${status}`,
    status,
    code: status === 429 ? "rate_limited" : status === 404 ? "not_found" : "internal",
    retry: status === 429 || status >= 500,
  };
}
