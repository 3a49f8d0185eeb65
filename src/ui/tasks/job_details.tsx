import type { JSX, TargetedEvent } from "preact";
import { useSignal } from "@preact/signals";
import type { TaskJob, TaskJobSummary } from "../../protocol/task_bodies.ts";
import type { Trouble } from "../language/texts.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { usePage, useTexts } from "../parts/page.ts";
import { formatFull } from "../times.ts";
import { troubleOf } from "../trouble.ts";
import { useBoard } from "./board_context.ts";

/** All that is known of a job, asked for when somebody wants to see it. */
export function JobDetails({ job }: { readonly job: TaskJobSummary }): JSX.Element {
  const texts = useOperatorTexts();
  const common = useTexts();
  const { api } = useBoard();
  const whole = useSignal<TaskJob | null>(null);
  const trouble = useSignal<Trouble | null>(null);

  async function load(event: TargetedEvent<HTMLDetailsElement>): Promise<void> {
    if (!event.currentTarget.open) return;
    try {
      whole.value = await api.job(job.id);
      trouble.value = null;
    } catch (error) {
      trouble.value = troubleOf(error);
    }
  }

  return (
    <details class="job-details" onToggle={load}>
      <summary>{texts.details}</summary>
      {trouble.value
        ? <p class="wrong">{common.errors[trouble.value]}</p>
        : whole.value
        ? <Facts job={whole.value} />
        : <p class="facts">{common.loading}</p>}
    </details>
  );
}

function Facts({ job }: { readonly job: TaskJob }): JSX.Element {
  const { language: { locale } } = usePage();
  const texts = useOperatorTexts();
  return (
    <dl class="job-facts">
      <dt>{texts.id}</dt>
      <dd>
        <code>{job.id}</code>
      </dd>
      <dt>{texts.queuedAt}</dt>
      <dd>{formatFull(new Date(job.created_at), locale)}</dd>
      {job.priority !== 0 && (
        <>
          <dt>{texts.priority}</dt>
          <dd>{job.priority}</dd>
        </>
      )}
      {job.unique_key !== null && (
        <>
          <dt>{texts.uniqueKey}</dt>
          <dd>
            <code>{job.unique_key}</code>
          </dd>
        </>
      )}
      <dt>{texts.input}</dt>
      <dd>
        <pre tabIndex={0}>{JSON.stringify(job.input, null, 2)}</pre>
      </dd>
      {job.error && (
        <>
          <dt>{texts.error}</dt>
          <dd>
            <pre tabIndex={0}>{job.stack ?? `${job.error.name}: ${job.error.message}`}</pre>
          </dd>
        </>
      )}
    </dl>
  );
}
