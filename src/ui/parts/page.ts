import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ReadonlySignal } from "@preact/signals";
import type { Api } from "../../client/mod.ts";
import type { KeyValueStore } from "../key_value_store.ts";
import type { Language } from "../language/language.ts";
import type { Texts } from "../language/texts.ts";

/** What every part of the page can use. */
export interface Page {
  readonly api: Api;
  readonly language: Language;
  /** Forgotten with the tab. */
  readonly tabStore: KeyValueStore;
  /** Whether the browser has a network at all. */
  readonly online: ReadonlySignal<boolean>;
}

/** Hands the page down to its parts. */
export const PageContext = createContext<Page | null>(null);

/** The page that this part belongs to. */
export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("Cannot render a part: it is outside of a page");
  return page;
}

/** The texts in the language of the page. */
export function useTexts(): Texts {
  return usePage().language.texts.value;
}
