import type { JSX } from "preact";
import type { TaskProgress } from "../../protocol/task_bodies.ts";
import { usePage } from "../parts/page.ts";

/** What {@linkcode ProgressBar} shows. */
export interface ProgressBarProps {
  /** What makes progress. */
  readonly label: string;
  /** `null` when nothing is known of it. */
  readonly progress: TaskProgress | null;
}

/** How far something is, in figures, too. */
export function ProgressBar({ label, progress }: ProgressBarProps): JSX.Element {
  const { language } = usePage();
  const percent = (fraction: number) =>
    fraction.toLocaleString(language.locale, { style: "percent" });
  return (
    <div class="progress">
      {progress === null
        ? <progress aria-label={label} />
        : <progress aria-label={label} max={1} value={progress.fraction} />}
      {progress !== null && (
        <p class="facts">
          <span>{percent(progress.fraction)}</span>
          {progress.text !== "" && <span>{progress.text}</span>}
        </p>
      )}
    </div>
  );
}
