/** A line of a {@linkcode lineChart}. */
export interface Series {
  readonly name: string;
  /** Which of the colours and marks; the same for the same thing in all charts. */
  readonly slot: number;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What both kinds of chart say in words. */
export interface ChartText {
  readonly title: string;
  /** For who cannot see it: what it shows, with its numbers. */
  readonly description: string;
}

/** Options of {@linkcode lineChart}. */
export interface LineChartOptions extends ChartText {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A height that is not to be passed. @default none */
  readonly limit?: { readonly y: number; readonly label: string };
}

/** One bar of a {@linkcode barChart}. */
export interface Bar {
  readonly name: string;
  readonly slot: number;
  readonly value: number;
  /** The value in words. */
  readonly label: string;
}

const WIDTH = 720;
const ROW = 22;
const FONT = "system-ui, sans-serif";
/** Each slot's colour on white and on black, at least 3:1 against it, and its mark. */
const SLOTS = [
  { light: "#0b62c4", dark: "#58a6ff", dash: "", mark: "circle" },
  { light: "#0b62c4", dark: "#58a6ff", dash: "5 4", mark: "ring" },
  { light: "#b45309", dark: "#f0a04b", dash: "", mark: "square" },
  { light: "#8b3fb0", dark: "#d2a8ff", dash: "", mark: "diamond" },
  { light: "#1a7f37", dark: "#5fd07a", dash: "", mark: "triangle" },
  { light: "#5b6470", dark: "#a3adb8", dash: "2 3", mark: "cross" },
] as const;

/** Lines over two logarithmic axes, as SVG that follows the reader's light or dark. */
export function lineChart(options: LineChartOptions): string {
  const { series, limit, xLabel, yLabel } = options;
  const plot = { left: 64, top: 52, right: WIDTH - 20, bottom: 352 };
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const xScale = logScale(Math.min(...xs), Math.max(...xs), plot.left + 8, plot.right - 8);
  const [low, high] = decades([...ys, ...limit === undefined ? [] : [limit.y]]);
  const yScale = logScale(low, high, plot.bottom, plot.top);
  const parts: string[] = [];
  for (let y = low; y <= high; y *= 10) {
    const at = round(yScale(y));
    parts.push(
      `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/>`,
      text(plot.left - 8, at + 4, formatNumber(y), "end"),
    );
  }
  for (const x of ticks(xs)) {
    parts.push(text(round(xScale(x)), plot.bottom + 18, formatNumber(x), "middle"));
  }
  if (limit !== undefined) {
    const at = round(yScale(limit.y));
    parts.push(
      `<line class="limit" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/>`,
      text(plot.left + 6, at - 6, limit.label, "start"),
    );
  }
  parts.push(
    text((plot.left + plot.right) / 2, plot.bottom + 40, xLabel, "middle"),
    text(plot.left - 52, plot.top - 12, yLabel, "start"),
  );
  for (const { slot, points } of series) {
    const places = points.map(([x, y]) => [round(xScale(x)), round(yScale(y))] as const);
    const path = places.map(([x, y]) => `${x},${y}`).join(" ");
    const { dash } = SLOTS[slot]!;
    const dashes = dash === "" ? "" : ` stroke-dasharray="${dash}"`;
    parts.push(`<polyline class="line s${slot}" points="${path}"${dashes}/>`);
    for (const [x, y] of places) parts.push(mark(slot, x, y));
  }
  const legendTop = plot.bottom + 66;
  series.forEach(({ name, slot }, i) => {
    const x = plot.left + (i % 2) * 320;
    const y = legendTop + Math.floor(i / 2) * ROW;
    parts.push(mark(slot, x, y - 4), text(x + 12, y, name, "start"));
  });
  return svg(options, legendTop + Math.ceil(series.length / 2) * ROW, parts);
}

/** Horizontal bars from zero, longest at its value's own share. */
export function barChart(options: ChartText & { readonly bars: readonly Bar[] }): string {
  const { bars } = options;
  const [left, top, right] = [250, 52, WIDTH - 130];
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const parts = bars.flatMap(({ name, slot, value, label }, i) => {
    const y = top + i * (ROW + 8);
    const width = round(Math.max(1, (right - left) * value / most));
    return [
      text(left - 10, y + 16, name, "end"),
      `<rect class="bar s${slot}" x="${left}" y="${y}" width="${width}" height="${ROW}" rx="3"/>`,
      text(left + width + 8, y + 16, label, "start"),
    ];
  });
  return svg(options, top + bars.length * (ROW + 8) + 4, parts);
}

function svg({ title, description }: ChartText, height: number, parts: readonly string[]): string {
  const colours = (which: "light" | "dark") =>
    SLOTS.map((slot, i) => `.s${i} { color: ${slot[which]}; }`).join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
  aria-labelledby="title description" font-family="${FONT}" font-size="13">
<title id="title">${escape(title)}</title>
<desc id="description">${escape(description)}</desc>
<style>
.page { fill: #ffffff; }
text { fill: #1f2328; }
.heading { font-weight: 600; font-size: 15px; }
.grid { stroke: #d1d9e0; }
.limit { stroke: #cf222e; stroke-dasharray: 6 4; }
.line { fill: none; stroke: currentColor; stroke-width: 2; }
.mark { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
.ring { fill: #ffffff; }
.bar { fill: currentColor; }
${colours("light")}
@media (prefers-color-scheme: dark) {
.page, .ring { fill: #0d1117; }
text { fill: #e6edf3; }
.grid { stroke: #30363d; }
.limit { stroke: #ff7b72; }
${colours("dark")}
}
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
<text class="heading" x="12" y="24">${escape(title)}</text>
${parts.join("\n")}
</svg>
`;
}

function mark(slot: number, x: number, y: number): string {
  const kind = `class="mark s${slot}"`;
  switch (SLOTS[slot]!.mark) {
    case "circle":
      return `<circle ${kind} cx="${x}" cy="${y}" r="4"/>`;
    case "ring":
      return `<circle class="mark ring s${slot}" cx="${x}" cy="${y}" r="4"/>`;
    case "square":
      return `<path ${kind} d="M${x - 4} ${y - 4}h8v8h-8z"/>`;
    case "diamond":
      return `<path ${kind} d="M${x} ${y - 5}l5 5l-5 5l-5 -5z"/>`;
    case "triangle":
      return `<path ${kind} d="M${x} ${y - 5}l5 9h-10z"/>`;
    case "cross":
      return `<path ${kind} d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"/>`;
  }
}

function text(x: number, y: number, words: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escape(words)}</text>`;
}

function logScale(low: number, high: number, from: number, to: number): (value: number) => number {
  const span = Math.log(high / low) || 1;
  return (value) => from + (to - from) * Math.log(Math.max(value, low) / low) / span;
}

/** The powers of ten around these. */
function decades(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...positive)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...positive)));
  return high > low ? [low, high] : [low, low * 10];
}

/** The lowest of these and its doubles, and the highest: with room between their labels. */
function ticks(values: readonly number[]): number[] {
  const high = Math.max(...values);
  const chosen: number[] = [];
  for (let x = Math.min(...values); x < high / 1.6; x *= 2) chosen.push(x);
  return [...chosen, high];
}

function formatNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
