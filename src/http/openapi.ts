import type { z } from "zod";
import { problemBody } from "../protocol/bodies.ts";

/** A JSON body of a request or an answer. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { content: { "application/json": { schema } }, description };
}

const PROBLEMS = {
  400: "Something in the request is not valid",
  401: "Nobody is signed in, and guests may not do this",
  403: "Not allowed",
  404: "There is no such room",
  409: "The id belongs to another message",
  429: "Too fast: wait as Retry-After says",
  503: "Not now: send the same again",
} as const;

type ProblemResponse = {
  content: { "application/problem+json": { schema: typeof problemBody } };
  description: string;
};

/** The answers of an operation that refuses with problem details. */
export function problems<S extends keyof typeof PROBLEMS>(
  ...statuses: S[]
): Record<S, ProblemResponse> {
  const reasons = statuses.map((status) => [status, PROBLEMS[status]]);
  return refusals(Object.fromEntries(reasons) as Record<S, string>);
}

/** The same, each for a reason of its own. */
export function refusals<S extends number>(
  reasons: Readonly<Record<S, string>>,
): Record<S, ProblemResponse> {
  const responses = Object.entries<string>(reasons).map(([status, description]) => [
    status,
    { content: { "application/problem+json": { schema: problemBody } }, description },
  ]);
  return Object.fromEntries(responses) as Record<S, ProblemResponse>;
}
