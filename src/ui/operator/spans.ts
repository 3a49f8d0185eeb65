const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
] as const;

/** A span of time in its largest unit, and the next one where that tells more: `1 min 12 sec`. */
export function formatSpan(ms: number, language: string): string {
  const rest = Math.max(0, ms);
  const index = UNITS.findIndex(([, size]) => rest >= size);
  if (index === -1) return formatUnit(0, "second", language);
  const [unit, size] = UNITS[index]!;
  const first = formatUnit(Math.floor(rest / size), unit, language);
  const next = UNITS[index + 1];
  const more = next === undefined ? 0 : Math.floor((rest % size) / next[1]);
  return more === 0 ? first : `${first} ${formatUnit(more, next![0], language)}`;
}

function formatUnit(value: number, unit: string, language: string): string {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" })
    .format(value);
}
