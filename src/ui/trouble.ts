import { ApiError } from "../client/mod.ts";
import { ERRORS } from "../protocol/codes.ts";
import type { Trouble } from "./language/texts.ts";

/** What went wrong, by the name under which the page has a text for it. */
export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof ApiError)) return "unreachable";
  // A newer server may know codes that this page does not.
  return Object.hasOwn(ERRORS, error.code) ? error.code : "internal";
}

/** Whether it may pass by itself. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.retry;
}
