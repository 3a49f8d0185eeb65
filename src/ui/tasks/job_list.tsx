import type { ComponentChildren, JSX } from "preact";
import type { TaskJobSummary } from "../../protocol/task_bodies.ts";
import { formatSpan } from "../operator/spans.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { ProgressBar } from "../operator/progress_bar.tsx";
import { usePage, useTexts } from "../parts/page.ts";
import { formatFull } from "../times.ts";
import { useBoard } from "./board_context.ts";
import { JobDetails } from "./job_details.tsx";

/** What {@linkcode JobList} shows. */
export interface JobListProps {
  readonly kind: "running" | "waiting" | "failed";
  readonly jobs: readonly TaskJobSummary[];
  /** How many there are of them, also of those that are not in the list. */
  readonly total: number;
}

/** The jobs in one state, each with what can be done about it. */
export function JobList({ kind, jobs, total }: JobListProps): JSX.Element {
  const texts = useOperatorTexts();
  const titles = {
    running: [texts.runningTasks, texts.nothingRuns],
    waiting: [texts.waitingTasks, texts.nothingWaits],
    failed: [texts.failedTasks, texts.nothingFailed],
  } as const;
  const [title, nothing] = titles[kind];
  return (
    <section aria-labelledby={`${kind}-title`}>
      <h2 id={`${kind}-title`} tabIndex={-1}>
        {title}
        {total > jobs.length && jobs.length > 0 && (
          <span class="count">{texts.firstOf(jobs.length, total)}</span>
        )}
      </h2>
      {jobs.length === 0 ? <p class="empty">{nothing}</p> : (
        <ul class="panel jobs">
          {jobs.map((job) => <JobView key={job.id} kind={kind} job={job} />)}
        </ul>
      )}
    </section>
  );
}

interface JobViewProps {
  readonly kind: JobListProps["kind"];
  readonly job: TaskJobSummary;
}

function JobView({ kind, job }: JobViewProps): JSX.Element {
  const texts = useOperatorTexts();
  const { error, progress } = job;
  return (
    <li class="job" data-kind={kind}>
      <h3 class="task-name">{job.task}</h3>
      <p class="facts">
        <JobTime kind={kind} job={job} />
        {job.attempt > 1 && <span>{texts.attempt(job.attempt, job.retries + 1)}</span>}
      </p>
      {progress && <ProgressBar label={texts.progressOf(job.task)} progress={progress} />}
      {kind === "waiting" && error && <p class="facts">{texts.willRetry}</p>}
      {error && <p class="wrong">{error.name}: {error.message}</p>}
      <div class="job-more">
        <JobDetails job={job} />
        {kind === "failed" ? <RetryButton job={job} /> : <CancelButton job={job} />}
      </div>
    </li>
  );
}

function JobTime({ kind, job }: JobViewProps): JSX.Element {
  const { language: { locale } } = usePage();
  const texts = useOperatorTexts();
  const now = useBoard().now.value;
  const time = (at: string | null, text: (span: string) => string): ComponentChildren => {
    const date = new Date(at ?? now);
    return (
      <time dateTime={date.toISOString()} title={formatFull(date, locale)}>
        {text(formatSpan(Math.abs(now - date.getTime()), locale))}
      </time>
    );
  };
  if (kind === "running") return <>{time(job.started_at, texts.runsFor)}</>;
  if (kind === "failed") return <>{time(job.finished_at, texts.failedAgo)}</>;
  const isDue = Date.parse(job.due_at) <= now;
  return <>{time(job.due_at, isDue ? texts.waitsFor : texts.dueIn)}</>;
}

function CancelButton({ job }: { readonly job: TaskJobSummary }): JSX.Element {
  const texts = useOperatorTexts();
  const common = useTexts();
  const { board, askToCancel } = useBoard();
  return (
    <button
      type="button"
      class="quiet"
      aria-label={texts.cancelTask(job.task)}
      disabled={board.isBusy(job.id)}
      onClick={() => askToCancel(job)}
    >
      {common.cancel}
    </button>
  );
}

function RetryButton({ job: { id, task } }: { readonly job: TaskJobSummary }): JSX.Element {
  const texts = useOperatorTexts();
  const common = useTexts();
  const { board, api } = useBoard();

  async function retry(): Promise<void> {
    const done = await board.do({
      key: id,
      run: () => api.retry(id),
      done: () => ({ kind: "done", text: texts.retried(task) }),
      refused: (trouble) => common.errors[trouble],
    });
    // The button goes with its row: whoever uses the keyboard goes on from the list.
    if (done) document.getElementById("failed-title")?.focus();
  }

  return (
    <button
      type="button"
      class="strong"
      aria-label={texts.retryTask(task)}
      disabled={board.isBusy(id)}
      onClick={() => void retry()}
    >
      {texts.retry}
    </button>
  );
}
