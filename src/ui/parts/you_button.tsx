import type { JSX } from "preact";
import { useSignal } from "@preact/signals";
import type { Sender } from "../../protocol/frames.ts";
import { Avatar } from "./avatar.tsx";
import { NameDialog } from "./name_dialog.tsx";
import { useTexts } from "./page.ts";

/** What {@linkcode YouButton} shows. */
export interface YouButtonProps {
  readonly you: Sender;
  readonly onRename: (name: string) => Promise<void>;
}

/** Who one is, and the way to another name. */
export function YouButton({ you, onRename }: YouButtonProps): JSX.Element {
  const texts = useTexts();
  const renaming = useSignal(false);
  const label = texts.rename(you.name);
  return (
    <>
      <button
        type="button"
        class="quiet you"
        title={label}
        aria-label={label}
        onClick={() => renaming.value = true}
      >
        <Avatar person={you} />
        <span class="you-name">{you.name}</span>
      </button>
      {renaming.value &&
        (
          <NameDialog
            name={you.name}
            onRename={onRename}
            onClose={() => renaming.value = false}
          />
        )}
    </>
  );
}
