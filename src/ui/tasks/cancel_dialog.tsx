import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TaskJobSummary } from "../../protocol/task_bodies.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { useTexts } from "../parts/page.ts";
import { useBoard } from "./board_context.ts";

/** What {@linkcode CancelDialog} asks about. */
export interface CancelDialogProps {
  readonly job: TaskJobSummary;
  readonly onClose: () => void;
}

/** Asks before a job is cancelled: that cannot be taken back. */
export function CancelDialog({ job, onClose }: CancelDialogProps): JSX.Element {
  const texts = useOperatorTexts();
  const common = useTexts();
  const { board, api } = useBoard();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  async function cancel(): Promise<void> {
    dialog.current?.close();
    const done = await board.do({
      key: job.id,
      run: () => api.cancel(job.id),
      done: () => ({ kind: "done", text: texts.cancelled(job.task) }),
      refused: (trouble) => common.errors[trouble],
    });
    if (done) document.getElementById(`${job.state}-title`)?.focus();
  }

  return (
    <dialog
      ref={dialog}
      class="name-dialog"
      aria-labelledby="cancel-title"
      aria-describedby="cancel-hint"
      onClose={onClose}
    >
      <h2 id="cancel-title">{texts.cancelQuestion(job.task)}</h2>
      <p id="cancel-hint">
        {job.state === "running" ? texts.cancelRunningHint : texts.cancelWaitingHint}
      </p>
      <div class="actions">
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          {texts.keep}
        </button>
        <button type="button" class="strong" onClick={() => void cancel()}>{texts.cancelIt}</button>
      </div>
    </dialog>
  );
}
