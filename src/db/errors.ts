/** The SQLSTATE of a server's error, or the code of a failed connection; `""` when it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/**
 * Whether the statement failed because the server could not be reached or could not serve, so that
 * its outcome is not known and the same statement may succeed on another connection.
 *
 * Class 08 connection exceptions, 53 out of resources, 57P0x shutdown and start-up, and 25006: a
 * standby that has not been promoted yet refuses to write.
 */
export function isUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  return error instanceof DatabaseTimeoutError || /^(08|53)...$|^57P0.$|^25006$/.test(code) ||
    NETWORK_CODES.has(code);
}

const NETWORK_CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** The database did not answer in time; whether it did what it was asked is not known. */
export class DatabaseTimeoutError extends Error {
  override readonly name = "DatabaseTimeoutError";

  constructor(timeoutMs: number) {
    super(`Cannot reach the database: no answer within ${timeoutMs} ms`);
  }
}
