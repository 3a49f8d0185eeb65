/** A field of a crontab, by Celery's name. */
export type CrontabField = "minute" | "hour" | "day_of_month" | "month_of_year" | "day_of_week";

/** A crontab is not as Celery's rules have it; the message names field and value. */
export class CrontabError extends RangeError {
  /** Tells it from other errors, also across realms. */
  override readonly name = "CrontabError";
  /** The field's name, `fields` when they are no object, `expression` when it is no expression. */
  readonly field: string;
  /** What was given. */
  readonly value: unknown;

  /** Of a field, of what was given for it, and of what is wrong about that. */
  constructor(field: string, value: unknown, reason: string) {
    super(`Cannot use ${shown(value)} as ${field} of a crontab: ${reason}`);
    this.field = field;
    this.value = value;
  }
}

interface Span {
  readonly first: number;
  readonly last: number;
  /** Of each value from `first` on, in full; the first three letters name it as well. */
  readonly names: readonly string[];
  readonly allowed: string;
}

const SPANS: Readonly<Record<CrontabField, Span>> = {
  minute: span(0, 59),
  hour: span(0, 23),
  day_of_month: span(1, 31),
  month_of_year: span(1, 12, [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
  ]),
  day_of_week: span(0, 6, [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
  ]),
};

/** In the order of an expression, which is cron's. */
export const CRONTAB_FIELDS: readonly CrontabField[] = [
  "minute",
  "hour",
  "day_of_month",
  "month_of_year",
  "day_of_week",
];

/**
 * The values that a field stands for, in ascending order.
 *
 * The rules are those of Celery's `crontab_parser`: a list of `*`, values and ranges, where `*` and
 * ranges may have a step. A step counts from where its range begins, so that every third month is
 * January, April, July and October. A range whose end is below its beginning goes on from the
 * field's first value (`fri-mon`, hours `22-2`).
 *
 * Stricter than Celery, where a mistake would pass: a name must belong to the field and be whole
 * or of three letters, nothing may follow a part, and a step is at most the number of the field's
 * values. Names of months are an addition.
 *
 * @throws {CrontabError} naming the field, what was given, and what is allowed
 */
export function expandField(field: CrontabField, value: unknown): readonly number[] {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new CrontabError(field, value, `it takes a string or a number: ${SPANS[field].allowed}`);
  }
  try {
    const parts = String(value).split(",");
    const values = parts.flatMap((part) => expandPart(part.trim(), SPANS[field]));
    return Object.freeze([...new Set(values)].sort((a, b) => a - b));
  } catch (error) {
    if (!(error instanceof PartError)) throw error;
    throw new CrontabError(field, value, `${error.message}; it takes ${SPANS[field].allowed}`);
  }
}

/** The one way to write these ascending values, so that equal crontabs have equal expressions. */
export function formatField(field: CrontabField, values: readonly number[]): string {
  const { first, last } = SPANS[field];
  if (values.length === last - first + 1) return "*";
  const [from = first, second = first] = values;
  const to = values.at(-1) ?? from;
  const step = second - from;
  if (values.length > 2 && values.every((value, i) => value === from + i * step)) {
    const range = from === first && to + step > last ? "*" : `${from}-${to}`;
    return step === 1 ? range : `${range}/${step}`;
  }
  return runs(values).map((run) => run.length > 2 ? `${run[0]}-${run.at(-1)}` : run.join(","))
    .join(",");
}

class PartError extends Error {}

const PART = /^(?:\*|([a-z\d]+)(?:-([a-z\d]+))?)(?:\/(\d+))?$/;

function expandPart(part: string, span: Span): number[] {
  if (part === "") throw new PartError("there is nothing where a value belongs");
  const match = PART.exec(part.toLowerCase());
  if (match === null) throw new PartError(`${shown(part)} is no value, range or step`);
  const [, from, to = from, step = "1"] = match;
  if (part.includes("/") && from !== undefined && match[2] === undefined) {
    throw new PartError(`${shown(part)} has a step, but no range and no "*" before it`);
  }
  const values = from === undefined || to === undefined
    ? between(span.first, span.last)
    : range(valueOf(from, span), valueOf(to, span), span);
  const stride = Number(step);
  const size = span.last - span.first + 1;
  if (stride < 1 || stride > size) throw new PartError(`a step is from 1 to ${size}`);
  return values.filter((_, i) => i % stride === 0);
}

function valueOf(token: string, { first, last, names }: Span): number {
  const named = names.findIndex((name) => token === name || token === name.slice(0, 3));
  if (named >= 0) return first + named;
  // Number() would take "1e1" and "0x1f".
  if (!/^\d+$/.test(token)) throw new PartError(`${shown(token)} is no such value`);
  const value = Number(token);
  if (value < first || value > last) throw new PartError(`${shown(token)} is out of range`);
  return value;
}

function range(from: number, to: number, { first, last }: Span): number[] {
  return from <= to ? between(from, to) : [...between(from, last), ...between(first, to)];
}

function between(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function runs(values: readonly number[]): number[][] {
  const found: number[][] = [];
  for (const value of values) {
    const run = found.at(-1);
    if (run?.at(-1) === value - 1) run.push(value);
    else found.push([value]);
  }
  return found;
}

function span(first: number, last: number, names: readonly string[] = []): Span {
  const named = names.length === 0
    ? ""
    : ` or names (${names[0]?.slice(0, 3)} or ${names[0]} is ${first})`;
  return {
    first,
    last,
    names,
    allowed: `${first}-${last}${named}, "*", ranges, steps over them, and lists of these`,
  };
}

const SHOWN_MAX_LENGTH = 60;

/** A value of any kind, short enough for an error's message. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const cut = value.length > SHOWN_MAX_LENGTH;
    return JSON.stringify(cut ? `${value.slice(0, SHOWN_MAX_LENGTH)}…` : value);
  }
  if (Array.isArray(value)) return "an array";
  if (value === null || !["object", "function"].includes(typeof value)) return String(value);
  return typeof value === "object" ? "an object" : "a function";
}
