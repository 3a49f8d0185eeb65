const GAP = "  ";

/** Lines of columns, each as wide as it has to be, under their heads. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heads, ...rows].map((row) => row.map(oneLine));
  const widths = heads.map((_, column) =>
    Math.max(...lines.map((line) => [...line[column] ?? ""].length))
  );
  return lines.map((line) =>
    line.map((text, column) => text + " ".repeat(widths[column]! - [...text].length))
      .join(GAP).trimEnd()
  ).join("\n");
}

/** What a task says must not move the cursor of whoever reads it, nor break the table. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- these are what is to be removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** The beginning of a text that is longer than that. */
export function shortened(text: string, length: number): string {
  const points = [...text];
  return points.length <= length ? text : `${points.slice(0, length - 1).join("")}…`;
}

/** A time for people, in UTC, to the second. */
export function time(date: Date | undefined): string {
  return date === undefined ? "" : date.toISOString().replace("T", " ").slice(0, 19);
}

/** A length of time for people. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
