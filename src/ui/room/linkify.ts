/** A piece of a message: text, or text that leads somewhere. */
export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`“”‘’「」『』]+/giu;

const BRACKETS = [["(", ")"], ["[", "]"], ["{", "}"], ["（", "）"]] as const;
const MARKS = ".,;:!?…。、，！？*_~|";

/** Cuts a text into plain pieces and web addresses. Only `http` and `https` ever become links. */
export function linkify(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrailingMarks(match[0]);
    const href = safeHref(address);
    if (!href) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

// A full stop, a comma or a closing bracket after an address belongs to the sentence, unless the
// address has the opening bracket, too, as many an encyclopedia's does.
function withoutTrailingMarks(address: string): string {
  const surplus: Record<string, number> = {};
  for (const [open, close] of BRACKETS) {
    surplus[close] = address.split(close).length - address.split(open).length;
  }
  let end = address.length;
  for (; end > 0; end--) {
    const mark = address[end - 1]!;
    if (MARKS.includes(mark)) continue;
    if ((surplus[mark] ?? 0) <= 0) break;
    surplus[mark]!--;
  }
  return address.slice(0, end);
}

function safeHref(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, href, host } = new URL(address);
  return host !== "" && (protocol === "http:" || protocol === "https:") ? href : null;
}
