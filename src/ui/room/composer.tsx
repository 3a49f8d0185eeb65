import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { MESSAGE_MAX_CODE_POINTS } from "../../protocol/codes.ts";
import { SendIcon } from "../parts/icons.tsx";
import { useTexts } from "../parts/page.ts";
import { AnswerBar } from "./answer_bar.tsx";
import type { ChatRoom } from "./chat_room.ts";
import type { Draft } from "./draft.ts";
import { EnterKey, isOfInputMethod } from "./enter_key.ts";

/** So close to the limit the characters that are left are shown. */
const COUNT_WITHIN = 500;

/** What {@linkcode Composer} needs. */
export interface ComposerProps {
  readonly room: ChatRoom;
  readonly draft: Draft;
  readonly field: RefObject<HTMLTextAreaElement | null>;
}

/** Where a message is written. */
export function Composer({ room, draft, field }: ComposerProps): JSX.Element {
  const texts = useTexts();
  const enterKey = useMemo(() => new EnterKey(), []);
  const { text, answers } = draft;
  const left = MESSAGE_MAX_CODE_POINTS - lengthOf(text.value);
  const sendable = room.ready && left >= 0 && text.value.trim() !== "";

  useLayoutEffect(() => fitHeight(field.current), [text.value]);
  useLayoutEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);

  function send(): void {
    const replyTo = answers.value?.seq;
    const options = replyTo === undefined ? {} : { replyTo };
    if (sendable && room.send(text.value, options) === null) draft.clear();
  }

  function cancelAnswer(): void {
    draft.answer(null);
    field.current?.focus();
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !isOfInputMethod(event) && answers.value) cancelAnswer();
      }}
    >
      <AnswerBar room={room} draft={draft} onCancel={cancelAnswer} />
      <label for="message" class="hidden">{texts.yourMessage}</label>
      <textarea
        ref={field}
        id="message"
        rows={1}
        value={text.value}
        placeholder={texts.writeHere}
        enterkeyhint="send"
        aria-describedby={answers.value ? "answered message-hint" : "message-hint"}
        aria-invalid={left < 0}
        onInput={(event) => draft.write(event.currentTarget.value)}
        onCompositionEnd={(event) => enterKey.compositionEnd(event)}
        onKeyDown={(event) => {
          if (!enterKey.sends(event)) return;
          event.preventDefault();
          send();
        }}
      />
      <button
        type="submit"
        class="strong send"
        disabled={!sendable}
        aria-label={texts.send}
        title={texts.send}
        // Taking the focus from the field would close a phone's keyboard.
        onPointerDown={(event) => event.preventDefault()}
      >
        <SendIcon />
      </button>
      <span id="message-hint" class="hidden">{texts.sendHint}</span>
      {left < COUNT_WITHIN && (
        <p class="counter" data-wrong={left < 0} role="status">{texts.charactersLeft(left)}</p>
      )}
    </form>
  );
}

// Code points are counted only where the cheap upper bound comes near the limit.
function lengthOf(text: string): number {
  return text.length < MESSAGE_MAX_CODE_POINTS - COUNT_WITHIN ? text.length : [...text].length;
}

function fitHeight(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
