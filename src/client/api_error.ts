import type { ErrorCode } from "../protocol/codes.ts";
import type { Problem } from "./answers.ts";

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

/** What an answer that is no success says. */
export async function apiError(response: Response): Promise<ApiError> {
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
