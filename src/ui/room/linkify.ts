/** A piece of a message: text, or text that leads somewhere. */
export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`“”‘’「」『』]+/giu;

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
  let end = address.length;
  for (; end > 0; end--) {
    const mark = address[end - 1]!;
    if (".,;:!?…。、，！？*_~|".includes(mark)) continue;
    const open = { ")": "(", "]": "[", "}": "{", "）": "（" }[mark];
    if (open === undefined) break;
    const inside = address.slice(0, end);
    if (count(inside, mark) <= count(inside, open)) break;
  }
  return address.slice(0, end);
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1;
}

function safeHref(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, href, host } = new URL(address);
  return host !== "" && (protocol === "http:" || protocol === "https:") ? href : null;
}
