const EXCERPT_CODE_POINTS = 80;

/** The beginning of a message, to tell it from others. */
export function excerpt(text: string): string {
  const points = [...text.slice(0, 4 * EXCERPT_CODE_POINTS)];
  if (points.length <= EXCERPT_CODE_POINTS) return text;
  return `${points.slice(0, EXCERPT_CODE_POINTS).join("")}…`;
}
