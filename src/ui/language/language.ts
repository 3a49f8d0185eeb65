import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { KeyValueStore } from "../key_value_store.ts";
import { english } from "./english.ts";
import { korean } from "./korean.ts";
import type { Texts } from "./texts.ts";

const LANGUAGES = { en: english, ko: korean } as const satisfies Record<string, Texts>;

/** A language that the page speaks. */
export type LanguageTag = keyof typeof LANGUAGES;

const STORED_AS = "maru.language";

/** The language of the page: as chosen, else the first that the browser asks for and the page speaks. */
export class Language {
  readonly #store: KeyValueStore;
  readonly #preferred: readonly string[];
  readonly #tag: Signal<LanguageTag>;
  /** The texts in this language. */
  readonly texts: ReadonlySignal<Texts>;

  constructor(store: KeyValueStore, preferred: readonly string[]) {
    this.#store = store;
    this.#preferred = preferred;
    this.#tag = signal(chooseLanguage([store.get(STORED_AS) ?? "", ...preferred]));
    this.texts = computed(() => LANGUAGES[this.#tag.value]);
  }

  /** The tag for `<html lang>`. */
  get tag(): LanguageTag {
    return this.#tag.value;
  }

  /** The tag for dates and times: of the language, with the region that the browser asks for. */
  get locale(): string {
    return this.#preferred.find((tag) => primaryOf(tag) === this.tag) ?? this.tag;
  }

  /** The other languages, each by its tag and its own name. */
  get others(): readonly { readonly tag: LanguageTag; readonly name: string }[] {
    const tags = Object.keys(LANGUAGES) as LanguageTag[];
    return tags.filter((tag) => tag !== this.#tag.value)
      .map((tag) => ({ tag, name: LANGUAGES[tag].languageName }));
  }

  /** Changes it, for this browser. */
  choose(tag: LanguageTag): void {
    this.#store.set(STORED_AS, tag);
    this.#tag.value = tag;
  }
}

/** The first of the preferred languages (`ko-KR`, `en`) that the page speaks; English if it speaks none. */
export function chooseLanguage(preferred: readonly string[]): LanguageTag {
  for (const tag of preferred) {
    const primary = primaryOf(tag);
    if (Object.hasOwn(LANGUAGES, primary)) return primary as LanguageTag;
  }
  return "en";
}

function primaryOf(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? "";
}
