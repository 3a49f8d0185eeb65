import { type JSX, render } from "preact";
import { effect, signal } from "@preact/signals";
import { Api } from "../client/mod.ts";
import { browserStore } from "./key_value_store.ts";
import { Language } from "./language/language.ts";
import { LobbyPage } from "./lobby/lobby_page.tsx";
import { type Page, PageContext } from "./parts/page.ts";
import { RoomPage } from "./room/room_page.tsx";
import { routeOf } from "./route.ts";
import { followVisibleHeight } from "./visible_height.ts";

start(document.getElementById("page")!);

function start(root: HTMLElement): void {
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
  followVisibleHeight(document.documentElement);
  root.replaceChildren();
  render(<App page={page} />, root);
}

function App({ page }: { page: Page }): JSX.Element {
  const route = routeOf(location.pathname);
  return (
    <PageContext.Provider value={page}>
      {route.page === "room" ? <RoomPage name={route.room} /> : <LobbyPage />}
    </PageContext.Provider>
  );
}
