import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { FloorMark } from "../parts/icons.tsx";
import { LanguageSwitch } from "../parts/language_switch.tsx";
import { usePage, useTexts } from "../parts/page.ts";
import { YouButton } from "../parts/you_button.tsx";
import { Lobby } from "./lobby.ts";
import { RoomCards } from "./room_cards.tsx";
import { RoomForm } from "./room_form.tsx";

const REFRESH_INTERVAL_MS = 10_000;

/** The lobby: rooms with what happened in them last, and the way into a new one. */
export function LobbyPage(): JSX.Element {
  const { api } = usePage();
  const texts = useTexts();
  const lobby = useMemo(() => new Lobby(api), [api]);
  const now = useSignal(new Date());
  const query = useSignal("");
  const you = lobby.you.value;

  useEffect(() => {
    document.title = texts.appName;
  }, [texts]);
  useEffect(() => keepFresh(lobby, () => now.value = new Date()), [lobby]);
  useEffect(() => {
    const typed = query.value.trim();
    const timer = setTimeout(() => void lobby.rooms.search(typed), typed === "" ? 0 : 200);
    return () => clearTimeout(timer);
  }, [query.value]);

  return (
    <div class="lobby">
      <header class="hall">
        <div class="hall-bar">
          <span class="hall-name">
            <FloorMark />
            {texts.appName}
          </span>
          <span class="hall-tools">
            <LanguageSwitch />
            {you && <YouButton you={you} onRename={(name) => lobby.rename(name)} />}
          </span>
        </div>
        <p class="hall-tagline">{texts.tagline}</p>
      </header>
      <main class="lobby-main">
        <RoomForm lobby={lobby} query={query} />
        <RoomCards list={lobby.rooms} now={now.value} searching={query.value.trim() !== ""} />
      </main>
    </div>
  );
}

/** Looks again at an interval while the page is seen, and at once when it is seen again. */
function keepFresh(lobby: Lobby, onRefresh: () => void): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const refresh = () => {
    if (document.visibilityState === "hidden") return;
    onRefresh();
    void lobby.refresh();
  };
  const timer = setInterval(refresh, REFRESH_INTERVAL_MS);
  document.addEventListener("visibilitychange", refresh, { signal });
  addEventListener("online", refresh, { signal });
  addEventListener("pageshow", (event) => event.persisted && refresh(), { signal });
  refresh();
  return () => {
    clearInterval(timer);
    closing.abort();
    lobby.rooms.close();
  };
}
