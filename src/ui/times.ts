import type { Texts } from "./language/texts.ts";

/** The time of day, `09:30` or `오전 9:30`. */
export function formatTime(date: Date, language: string): string {
  return format(language, { hour: "numeric", minute: "2-digit" }).format(date);
}

/** Date and time to the second, with the zone. */
export function formatFull(date: Date, language: string): string {
  return format(language, { dateStyle: "full", timeStyle: "long" }).format(date);
}

/** The day as a separator names it: today, yesterday, or the date. */
export function formatDay(date: Date, now: Date, language: string, texts: Texts): string {
  if (dayKey(date) === dayKey(now)) return texts.today;
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayKey(date) === dayKey(yesterday)) return texts.yesterday;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const };
  return format(language, { weekday: "long", month: "long", day: "numeric", ...year }).format(date);
}

/** Names the local day: equal for two times of one day. */
export function dayKey(date: Date): string {
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago: `now`, `5 min. ago`, `yesterday`. A clock that runs behind never makes it the future. */
export function formatAgo(date: Date, now: Date, language: string): string {
  const seconds = Math.max(0, (now.getTime() - date.getTime()) / 1000);
  const formatter = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return formatter.format(-Math.floor(seconds / size), unit);
  }
  return formatter.format(0, "second");
}

const formats = new Map<string, Intl.DateTimeFormat>();

// Making one costs far more than using it, and a room shows hundreds of times.
function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(language, options);
  formats.set(key, made);
  return made;
}
