import { apiError } from "./api_error.ts";
import type { Clock } from "./clock.ts";

/** A request is given up after so many milliseconds without an answer. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** Options of every call. */
export interface RequestOptions {
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** What a request is made with. */
export interface RequestSurroundings {
  /** Where the server is, without a slash at the end. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  /** The clock of the time-outs. */
  readonly clock: Clock;
}

/**
 * Sends a request, and returns its JSON answer.
 *
 * Throws `ApiError` for what the server refused, `TypeError` when it could not be reached, and a
 * `DOMException` named `TimeoutError` when it did not answer.
 */
export async function request<Body>(
  { baseUrl, fetch, clock }: RequestSurroundings,
  method: string,
  path: string,
  options: RequestOptions & { readonly body?: unknown } = {},
): Promise<Body> {
  const timeout = new AbortController();
  const stop = clock.after(
    REQUEST_TIMEOUT_MS,
    () => timeout.abort(new DOMException("The server did not answer", "TimeoutError")),
  );
  try {
    const response = await fetch(baseUrl + path, {
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
