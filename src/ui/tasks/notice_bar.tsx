import type { JSX } from "preact";
import { CloseIcon } from "../parts/icons.tsx";
import { useOperatorTexts } from "../operator/texts.ts";
import type { TaskBoard } from "./task_board.ts";

/** Says what came of what somebody did, and lets them take it back. */
export function NoticeBar({ board }: { readonly board: TaskBoard }): JSX.Element {
  const texts = useOperatorTexts();
  const notice = board.notice.value;
  return (
    // Always there, since a reader's software announces what changes inside, not what appears.
    <div class="notice-bar" role="status">
      {notice && (
        <p data-kind={notice.kind}>
          <span>{notice.text}</span>
          {notice.undo && (
            <button type="button" class="link" onClick={notice.undo}>{texts.undo}</button>
          )}
          <button
            type="button"
            class="quiet"
            aria-label={texts.close}
            title={texts.close}
            onClick={() => board.say(null)}
          >
            <CloseIcon />
          </button>
        </p>
      )}
    </div>
  );
}
