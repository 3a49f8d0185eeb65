import type { JSX, TargetedSubmitEvent } from "preact";
import { type Signal, useSignal } from "@preact/signals";
import { useTexts } from "../parts/page.ts";
import { roomHref } from "../route.ts";
import { troubleOf } from "../trouble.ts";
import type { Lobby } from "./lobby.ts";
import { readRoomEntry } from "./room_entry.ts";

/** What {@linkcode RoomForm} needs. */
export interface RoomFormProps {
  readonly lobby: Lobby;
  /** What is typed; the list shows the rooms that have it in their names. */
  readonly query: Signal<string>;
}

/** One field to find a room and to open one. */
export function RoomForm({ lobby, query }: RoomFormProps): JSX.Element {
  const texts = useTexts();
  const error = useSignal("");
  const busy = useSignal(false);
  const entry = readRoomEntry(query.value);
  const wrong = error.value !== "" || entry.kind === "invalid";
  const isNew = entry.kind === "name" && lobby.rooms.lacks(entry.name);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    if (entry.kind !== "name" || busy.value) return;
    busy.value = true;
    error.value = "";
    try {
      location.assign(roomHref(await lobby.enter(entry.name.name)));
    } catch (refusal) {
      error.value = texts.errors[troubleOf(refusal)];
    } finally {
      busy.value = false;
    }
  }

  return (
    <form class="room-form" onSubmit={submit}>
      <label for="room-name">{texts.findRoom}</label>
      <div class="room-form-row">
        <input
          id="room-name"
          value={query.value}
          placeholder={texts.roomName}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="go"
          aria-invalid={wrong}
          aria-describedby="room-hint"
          onInput={(event) => {
            query.value = event.currentTarget.value;
            error.value = "";
          }}
        />
        <button type="submit" class="strong" disabled={entry.kind !== "name" || busy.value}>
          {isNew ? texts.openRoom : texts.enter}
        </button>
      </div>
      <p id="room-hint" class="hint" data-wrong={wrong} aria-live="polite">
        {error.value ||
          (entry.kind === "invalid"
            ? texts.roomNameRule
            : isNew
            ? texts.roomIsNew(entry.name.name)
            : "")} {entry.kind === "invalid" && entry.suggestion && (
          <button
            type="button"
            class="link"
            onClick={() => query.value = entry.suggestion ?? ""}
          >
            {texts.roomNameSuggestion(entry.suggestion)}
          </button>
        )}
      </p>
    </form>
  );
}
