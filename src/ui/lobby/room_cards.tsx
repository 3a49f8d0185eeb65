import type { JSX } from "preact";
import type { Room } from "../../client/mod.ts";
import { GoIcon } from "../parts/icons.tsx";
import { usePage, useTexts } from "../parts/page.ts";
import { roomHref } from "../route.ts";
import { formatAgo, formatFull } from "../times.ts";
import type { RoomList } from "./room_list.ts";

/** What {@linkcode RoomCards} shows. */
export interface RoomCardsProps {
  readonly list: RoomList;
  readonly now: Date;
  /** Whether the list is narrowed to a part of a name. */
  readonly searching: boolean;
}

/** The rooms, the most recently active first. */
export function RoomCards({ list, now, searching }: RoomCardsProps): JSX.Element {
  const texts = useTexts();
  const rooms = list.rooms.value;
  const trouble = list.trouble.value;
  return (
    <section aria-labelledby="rooms-title" aria-busy={rooms === null && !trouble}>
      <h1 id="rooms-title">{texts.rooms}</h1>
      {trouble && (
        <p class="notice" role="status">
          {texts.errors[trouble]}{" "}
          <button type="button" class="link" onClick={() => void list.refresh()}>
            {texts.tryAgain}
          </button>
        </p>
      )}
      {rooms === null
        ? !trouble && <p class="empty">{texts.loading}</p>
        : rooms.length === 0
        ? <p class="empty">{searching ? texts.noMatchingRooms : texts.noRooms}</p>
        : (
          <ul class="rooms">
            {rooms.map((room) => <RoomCard key={room.name} room={room} now={now} />)}
          </ul>
        )}
      {list.hasMore && (
        <button
          type="button"
          class="quiet more"
          onClick={() => void list.loadMore()}
        >
          {texts.moreRooms}
        </button>
      )}
    </section>
  );
}

function RoomCard({ room, now }: { room: Room; now: Date }): JSX.Element {
  const { language } = usePage();
  const texts = language.texts.value;
  const at = new Date(room.last_message_at ?? room.created_at);
  return (
    <li>
      <a class="room-card" href={roomHref(room.name)}>
        <span class="room-card-name">{room.name}</span>
        <span class="room-card-facts">
          {room.last_message_at
            ? (
              <time dateTime={at.toISOString()} title={formatFull(at, language.locale)}>
                {formatAgo(at, now, language.locale)}
              </time>
            )
            : texts.noMessagesYet}
          {room.last_seq > 0 && <span>{texts.messageCount(room.last_seq)}</span>}
        </span>
        <GoIcon />
      </a>
    </li>
  );
}
