import { Cron } from "croner";
import {
  CRONTAB_FIELDS,
  CrontabError,
  type CrontabField,
  expandField,
  formatField,
  shown,
} from "./crontab_fields.ts";

export { CrontabError, type CrontabField };

/**
 * What a crontab is made of, as in Celery: a number, or a list of numbers, names, ranges and `*`.
 * Names are those of days and months in English, whole or of three letters, in any case
 * (`thu,fri`, `Sunday`, `jan`). A range or a `*` may have a step (`2-30/3`).
 */
export interface CrontabFields {
  /** 0-59. @default "*" */
  readonly minute?: string | number;
  /** 0-23. @default "*" */
  readonly hour?: string | number;
  /** 0-6, where 0 is Sunday. @default "*" */
  readonly day_of_week?: string | number;
  /** 1-31. @default "*" */
  readonly day_of_month?: string | number;
  /** 1-12. @default "*" */
  readonly month_of_year?: string | number;
}

/**
 * A crontab by Celery's rules: without fields it ticks every minute.
 *
 * A day has to be in all three of `day_of_week`, `day_of_month` and `month_of_year`: with
 * `{ day_of_week: "mon", day_of_month: "1-7" }` it is the first Monday of a month. (To `cron` it
 * is every Monday and the first seven days.)
 *
 * ```ts
 * crontab({ minute: 0, hour: "0,8-17/2" }); // midnight, and every two hours of the day's work
 * crontab({ minute: "0-59/10", hour: "3,17,22", day_of_week: "thu,fri" });
 * ```
 *
 * @see https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#crontab-schedules
 * @throws {CrontabError} naming the field that is wrong; also when there never is such a day
 */
export function crontab(fields: CrontabFields = {}): Crontab {
  return new Crontab(fields);
}

/**
 * Reads what {@linkcode Crontab.toString} wrote: minute, hour, day of month, month and day of
 * week, with blanks between them.
 *
 * @throws {CrontabError} naming the field that is wrong
 */
export function parseCrontab(expression: string): Crontab {
  if (typeof expression !== "string") {
    throw new CrontabError("expression", expression, "it is no string");
  }
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== CRONTAB_FIELDS.length) {
    const needed = "minute, hour, day of month, month and day of week, with blanks between them";
    throw new CrontabError("expression", expression, `it takes ${needed}`);
  }
  return new Crontab(Object.fromEntries(CRONTAB_FIELDS.map((field, i) => [field, parts[i]])));
}

/** When something is due, in the local time of any time zone: made by {@linkcode crontab}. */
export class Crontab {
  /** The minutes of the hour, ascending. */
  readonly minute: readonly number[];
  /** The hours of the day, ascending. */
  readonly hour: readonly number[];
  /** The days of the month, ascending. */
  readonly day_of_month: readonly number[];
  /** The months of the year, ascending. */
  readonly month_of_year: readonly number[];
  /** The days of the week, ascending; 0 is Sunday. */
  readonly day_of_week: readonly number[];

  /**
   * Of fields; those that are absent are `*`.
   *
   * @throws {CrontabError} as {@linkcode crontab} does
   */
  constructor(fields: CrontabFields = {}) {
    assertNames(fields);
    // The defaults stand for what is absent; null is a mistake.
    const { minute = "*", hour = "*" } = fields;
    const { day_of_month = "*", month_of_year = "*", day_of_week = "*" } = fields;
    this.minute = expandField("minute", minute);
    this.hour = expandField("hour", hour);
    this.day_of_month = expandField("day_of_month", day_of_month);
    this.month_of_year = expandField("month_of_year", month_of_year);
    this.day_of_week = expandField("day_of_week", day_of_week);
    const longest = Math.max(...this.month_of_year.map((month) => LONGEST_DAYS[month - 1] ?? 0));
    if (this.day_of_month.every((day) => day > longest)) {
      const months = formatField("month_of_year", this.month_of_year);
      throw new CrontabError(
        "day_of_month",
        day_of_month,
        `no year has such a day in month_of_year "${months}", whose last is ${longest}`,
      );
    }
    Object.freeze(this);
  }

  /**
   * The expression that {@linkcode parseCrontab} reads, in `cron`'s order of fields. Crontabs of
   * the same values have the same expression, however they were written.
   */
  toString(): string {
    return CRONTAB_FIELDS.map((field) => formatField(field, this[field])).join(" ");
  }
}

/** Of January and so on, in a leap year. */
const LONGEST_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function assertNames(fields: unknown): void {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw new CrontabError("fields", fields, "they are no object; parseCrontab reads expressions");
  }
  for (const [name, value] of Object.entries(fields)) {
    if (!CRONTAB_FIELDS.some((field) => field === name)) {
      throw new CrontabError(name, value, `its fields are ${CRONTAB_FIELDS.join(", ")}`);
    }
  }
}

/**
 * The first tick after an instant.
 *
 * Where clocks change, ticks are neither lost nor doubled. Celery states no rule; this is the one
 * of Vixie cron's manual, which croner implements:
 * - With every `hour`, ticks follow the minute hand in real time: a tick every 15 minutes stays
 *   one every 15 minutes, also through the hour that occurs twice. (Where clocks change by half an
 *   hour, on Lord Howe Island, an hourly tick comes half an hour late or, in the half-hour that
 *   occurs twice, once more.)
 * - With any other `hour`, a local time that occurs twice ticks the first time only, and local
 *   times that are skipped tick together, once, at the end of the gap.
 *
 * @param timeZone an IANA name such as `Europe/Berlin`
 * @throws {RangeError | TypeError} when the time zone is unknown, or the date invalid or after 2999
 */
export function nextTick(crontab: Crontab, after: Date, timeZone: string): Date {
  const tick = cronOf(crontab, after, timeZone).nextRun(after);
  if (tick === null) throw new RangeError(`Cannot find a tick of "${crontab}" so late: ${+after}`);
  return tick;
}

/**
 * The last tick at or before an instant; {@linkcode nextTick} tells what a tick is.
 *
 * @param timeZone an IANA name such as `Europe/Berlin`
 * @throws {RangeError | TypeError} when the time zone is unknown, or the date invalid
 */
export function previousTick(crontab: Crontab, atOrBefore: Date, timeZone: string): Date {
  const cron = cronOf(crontab, atOrBefore, timeZone);
  const [tick] = cron.previousRuns(1, new Date(atOrBefore.getTime() + 1));
  if (!tick) throw new RangeError(`Cannot find a tick of "${crontab}" so early: ${+atOrBefore}`);
  return tick;
}

/**
 * Refuses what is no time zone.
 *
 * @throws {TypeError} when it is no string
 * @throws {RangeError} when this runtime does not know it
 */
export function assertTimeZone(timeZone: unknown): asserts timeZone is string {
  if (typeof timeZone !== "string") {
    throw new TypeError(`Cannot use ${shown(timeZone)} as a time zone: it is no string`);
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new RangeError(
      `Cannot use ${shown(timeZone)} as a time zone: it takes a name such as "Europe/Berlin"`,
      { cause },
    );
  }
}

function cronOf(crontab: Crontab, at: Date, timeZone: string): Cron {
  assertTimeZone(timeZone);
  if (Number.isNaN(at.getTime())) throw new RangeError("Cannot find a tick: the date is invalid");
  // Croner tells an expression that follows the minute hand from one of fixed times by its "*" and
  // steps: only every hour may be a "*" here, or the way of writing would change the ticks.
  const lists = CRONTAB_FIELDS.map((field) =>
    field === "hour" && crontab.hour.length === HOURS_PER_DAY ? "*" : crontab[field].join()
  );
  return new Cron(lists.join(" "), {
    mode: "5-part",
    timezone: timeZone,
    domAndDow: true,
    fixedTimeRule: "no-wildcard",
  });
}

const HOURS_PER_DAY = 24;
