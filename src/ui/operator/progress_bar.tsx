import type { JSX } from "preact";
import type { TaskProgress } from "../../protocol/task_bodies.ts";
import { usePage } from "../parts/page.ts";

/** What {@linkcode ProgressBar} shows. */
export interface ProgressBarProps {
  /** What makes progress. */
  readonly label: string;
  readonly progress: TaskProgress;
}

/** How far something is, in figures, too. */
export function ProgressBar(
  { label, progress: { fraction, text } }: ProgressBarProps,
): JSX.Element {
  const { language } = usePage();
  return (
    <div class="progress">
      <progress aria-label={label} max={1} value={fraction} />
      <p class="facts">
        <span>{fraction.toLocaleString(language.locale, { style: "percent" })}</span>
        {text !== "" && <span>{text}</span>}
      </p>
    </div>
  );
}
