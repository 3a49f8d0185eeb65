import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { MESSAGE_MAX_CODE_POINTS } from "../../protocol/codes.ts";
import { SendIcon } from "../parts/icons.tsx";
import { usePage } from "../parts/page.ts";
import type { ChatRoom } from "./chat_room.ts";
import { Draft } from "./draft.ts";
import { EnterKey } from "./enter_key.ts";

/** So close to the limit the characters that are left are shown. */
const COUNT_WITHIN = 500;

/** Where a message is written. */
export function Composer({ room }: { room: ChatRoom }): JSX.Element {
  const { language, tabStore } = usePage();
  const texts = language.texts.value;
  const draft = useMemo(() => new Draft(tabStore, room.name), [tabStore, room]);
  const enterKey = useMemo(() => new EnterKey(), []);
  const field = useRef<HTMLTextAreaElement>(null);
  const text = useSignal(draft.load());
  const left = MESSAGE_MAX_CODE_POINTS - lengthOf(text.value);
  const sendable = room.ready && left >= 0 && text.value.trim() !== "";

  useLayoutEffect(() => fitHeight(field.current), [text.value]);
  useLayoutEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);

  function write(value: string): void {
    text.value = value;
    draft.save(value);
  }

  function send(): void {
    if (sendable && room.send(text.value) === null) write("");
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label for="message" class="hidden">{texts.yourMessage}</label>
      <textarea
        ref={field}
        id="message"
        rows={1}
        value={text.value}
        placeholder={texts.writeHere}
        enterkeyhint="send"
        aria-describedby="message-hint"
        aria-invalid={left < 0}
        onInput={(event) => write(event.currentTarget.value)}
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
