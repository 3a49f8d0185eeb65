import type { JSX } from "preact";
import { CloseIcon } from "../parts/icons.tsx";
import { useTexts } from "../parts/page.ts";
import type { ChatRoom } from "./chat_room.ts";
import type { Draft } from "./draft.ts";
import { excerpt } from "./excerpt.ts";

/** What {@linkcode AnswerBar} shows. */
export interface AnswerBarProps {
  readonly room: ChatRoom;
  readonly draft: Draft;
  readonly onCancel: () => void;
}

/** The message that is being answered, above the field in which that happens. */
export function AnswerBar({ room, draft, onCancel }: AnswerBarProps): JSX.Element | null {
  const texts = useTexts();
  const answered = draft.answers.value;
  if (!answered) return null;
  const held = room.log.messages.value.find(({ seq }) => seq === answered.seq);
  const text = held ? excerpt(held.message) : answered.text;
  return (
    <div class="answer-bar">
      <p id="answered">
        <b>{texts.answering(answered.name)}</b>
        <span>{text || texts.deleted}</span>
      </p>
      <button
        type="button"
        class="quiet"
        aria-label={texts.cancelAnswer}
        title={texts.cancelAnswer}
        // Taking the focus from the field would close a phone's keyboard.
        onPointerDown={(event) => event.preventDefault()}
        onClick={onCancel}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
