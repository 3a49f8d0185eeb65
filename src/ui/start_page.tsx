import type { ComponentChildren, JSX } from "preact";
import { render } from "preact";
import { effect, signal } from "@preact/signals";
import { Api } from "../client/mod.ts";
import { browserStore } from "./key_value_store.ts";
import { Language } from "./language/language.ts";
import { type Page, PageContext } from "./parts/page.ts";

/** Draws a page into the shell, and gives its parts what all of them can use. */
export function startPage(children: ComponentChildren): void {
  const online = signal(navigator.onLine);
  addEventListener("online", () => online.value = true);
  addEventListener("offline", () => online.value = false);
  const page: Page = {
    api: new Api(),
    language: new Language(browserStore("localStorage"), navigator.languages),
    tabStore: browserStore("sessionStorage"),
    online,
  };
  effect(() => {
    document.documentElement.lang = page.language.tag;
  });
  const root = document.getElementById("page")!;
  root.replaceChildren();
  render(<Provided page={page}>{children}</Provided>, root);
}

function Provided(
  { page, children }: { readonly page: Page; readonly children: ComponentChildren },
): JSX.Element {
  return <PageContext.Provider value={page}>{children}</PageContext.Provider>;
}
