import type { SeededRandom } from "../support/seeded_random.ts";

const PIECES = [
  "hello ",
  "안녕하세요 ",
  "😀",
  "e\u0301",
  "\u202eabc",
  "ﷺ",
  "\\",
  '"',
  "<b>",
  "\u2028",
];
const LONGEST_SHARE = 0.01;
const NESTED_MAX = 3_000;

/**
 * A right message, as JSON.
 *
 * @param most its code points; by default few, and rarely as many as may be
 * @param more fields besides
 */
export function message(
  random: SeededRandom,
  most: number = random.next() < LONGEST_SHARE ? 8_000 : 400,
  more: Record<string, unknown> = {},
): string {
  const piece = random.pick(PIECES);
  const length = random.whole(1, most);
  const body = [..."a" + piece.repeat(Math.ceil(length / piece.length))].slice(0, length).join("");
  return JSON.stringify({ type: "message", id: random.uuid(), message: body, ...more });
}

/** The same, made so many bytes long by a field that nobody knows. */
export function padded(content: string, bytes: number): string {
  const length = new TextEncoder().encode(content).length;
  return `${content.slice(0, -1)},"pad":"${"x".repeat(bytes - length - ',"pad":""'.length)}"}`;
}

/** Lists within lists. */
export function nested(random: SeededRandom): unknown {
  let value: unknown = 1;
  for (let n = random.whole(1, NESTED_MAX); n > 0; n--) value = [value];
  return value;
}
