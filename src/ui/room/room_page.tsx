import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { BackIcon } from "../parts/icons.tsx";
import { LanguageSwitch } from "../parts/language_switch.tsx";
import { usePage } from "../parts/page.ts";
import { YouButton } from "../parts/you_button.tsx";
import { LOBBY_HREF } from "../route.ts";
import { ChatRoom } from "./chat_room.ts";
import { Composer } from "./composer.tsx";
import { ConnectionBanner } from "./connection_banner.tsx";
import { Draft } from "./draft.ts";
import { TimelineView } from "./timeline_view.tsx";

/** A room: its conversation, and the field to join in. */
export function RoomPage({ name }: { name: string }): JSX.Element {
  const { api, language, tabStore } = usePage();
  const texts = language.texts.value;
  const room = useMemo(() => new ChatRoom(name, { api, store: tabStore }), [name, api, tabStore]);
  const draft = useMemo(() => new Draft(tabStore, name), [name, tabStore]);
  const field = useRef<HTMLTextAreaElement>(null);
  const you = room.you.value;
  const unseen = room.reading.unseen.value;

  useEffect(() => keepAwake(room), [room]);
  useEffect(() => {
    document.title = `${unseen > 0 ? `(${unseen}) ` : ""}${name} · ${texts.appName}`;
  }, [unseen, name, texts]);

  return (
    <div class="room">
      <header class="room-bar">
        <a
          class="quiet back"
          href={LOBBY_HREF}
          aria-label={texts.backToRooms}
          title={texts.backToRooms}
        >
          <BackIcon />
        </a>
        <h1 title={name}>{name}</h1>
        <LanguageSwitch />
        {you && <YouButton you={you} onRename={(name) => room.rename(name)} />}
      </header>
      <main class="room-main">
        <ConnectionBanner room={room} />
        <TimelineView
          room={room}
          language={language}
          onAnswer={(message) => {
            draft.answer(message);
            field.current?.focus();
          }}
        />
        {room.refused.value === null && <Composer room={room} draft={draft} field={field} />}
      </main>
    </div>
  );
}

function keepAwake(room: ChatRoom): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const shown = () => {
    const visible = document.visibilityState !== "hidden";
    room.reading.shown(visible);
    if (visible) room.wake();
  };
  document.addEventListener("visibilitychange", shown, { signal });
  addEventListener("online", () => room.wake(), { signal });
  addEventListener("pageshow", (event) => event.persisted && room.wake(), { signal });
  void room.open();
  return () => {
    closing.abort();
    room.close();
  };
}
