import type { JSX } from "preact";
import type { Sender } from "../../protocol/frames.ts";

const HUES = 8;

/** A person's first letter in a colour of their own. */
export function Avatar({ person }: { person: Sender }): JSX.Element {
  return (
    <span class="avatar" data-hue={hueOf(person.id)} aria-hidden="true">
      {initialOf(person.name)}
    </span>
  );
}

/** One of eight colours, always the same for one person. */
export function hueOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % HUES;
}

/** The first letter as a reader counts letters: an emoji of several code points is one. */
export function initialOf(name: string): string {
  const [first] = new Intl.Segmenter().segment(name);
  return (first?.segment ?? "").toLocaleUpperCase();
}
