import type { JSX } from "preact";
import { usePage } from "./page.ts";

/** The other languages of the page, each under its own name. */
export function LanguageSwitch(): JSX.Element {
  const { language } = usePage();
  return (
    <>
      {language.others.map(({ tag, name }) => (
        <button
          key={tag}
          type="button"
          class="quiet language"
          lang={tag}
          onClick={() => language.choose(tag)}
        >
          {name}
        </button>
      ))}
    </>
  );
}
