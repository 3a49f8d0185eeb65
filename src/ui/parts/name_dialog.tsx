import type { JSX, TargetedSubmitEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { PERSON_NAME_MAX_CODE_POINTS } from "../../protocol/codes.ts";
import { parsePersonName } from "../../protocol/text.ts";
import { troubleOf } from "../trouble.ts";
import { useTexts } from "./page.ts";

/** What {@linkcode NameDialog} needs. */
export interface NameDialogProps {
  readonly name: string;
  readonly onRename: (name: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for another name. */
export function NameDialog({ name, onRename, onClose }: NameDialogProps): JSX.Element {
  const texts = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const typed = useSignal(name);
  const error = useSignal("");
  const busy = useSignal(false);
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const parsed = parsePersonName(typed.value);
    if (!parsed) return void (error.value = texts.nameRule);
    busy.value = true;
    try {
      await onRename(parsed);
      dialog.current?.close();
    } catch (refusal) {
      error.value = texts.errors[troubleOf(refusal)];
    } finally {
      busy.value = false;
    }
  }

  return (
    <dialog ref={dialog} class="name-dialog" aria-labelledby="name-label" onClose={onClose}>
      <form onSubmit={submit}>
        <label id="name-label" for="name">{texts.yourName}</label>
        <input
          id="name"
          value={typed.value}
          autocomplete="nickname"
          maxLength={2 * PERSON_NAME_MAX_CODE_POINTS}
          aria-describedby="name-hint"
          aria-invalid={error.value !== ""}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
            error.value = "";
          }}
        />
        <p id="name-hint" class="hint" data-wrong={error.value !== ""} aria-live="polite">
          {error.value || texts.nameRule}
        </p>
        <div class="actions">
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            {texts.cancel}
          </button>
          <button type="submit" class="strong" disabled={busy.value}>{texts.save}</button>
        </div>
      </form>
    </dialog>
  );
}
