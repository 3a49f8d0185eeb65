/** Whether it has to be awaited: a promise, or what begins only then, as a query builder's query. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}
