/** A value is none that JSON can hold, or PostgreSQL's `jsonb`. */
export class NotJsonError extends TypeError {
  override readonly name = "NotJsonError";

  constructor(path: string, reason: string) {
    super(path === "" ? reason : `${path} is ${reason}`);
  }
}

/**
 * The JSON text of a value, which says the same when it is read again. `JSON.stringify` leaves out
 * functions, makes `{}` of a map and `null` of `NaN`; here they are errors, so that nobody waits
 * for a result that never was. `undefined` is `null`, as a property it is absent.
 *
 * @throws {NotJsonError} naming where in the value it is
 */
export function toJson(value: unknown): string {
  check(value ?? null, "", []);
  return JSON.stringify(value ?? null);
}

function check(value: unknown, path: string, ancestors: readonly object[]): void {
  switch (typeof value) {
    case "boolean":
      return;
    case "string":
      // jsonb refuses both.
      if (value.includes("\0")) throw new NotJsonError(path, "a text with a NUL");
      if (!value.isWellFormed()) throw new NotJsonError(path, "a text with a lone surrogate");
      return;
    case "number":
      if (!Number.isFinite(value)) throw new NotJsonError(path, String(value));
      return;
    case "object":
      return checkObject(value, path, ancestors);
    default:
      throw new NotJsonError(path, value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function checkObject(value: object | null, path: string, ancestors: readonly object[]): void {
  if (value === null) return;
  if (ancestors.includes(value)) throw new NotJsonError(path, "a cycle");
  const inner = [...ancestors, value];
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return check(toJSON.call(value), path, inner);
  if (Array.isArray(value)) {
    value.forEach((item, index) => check(item, `${path}[${index}]`, inner));
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new NotJsonError(path, `an instance of ${value.constructor?.name ?? "a class"}`);
  }
  for (const [key, item] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    check(key, at, []);
    if (item !== undefined) check(item, at, inner);
  }
}
