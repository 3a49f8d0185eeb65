import type { JSX } from "preact";
import type { TaskSchedule } from "../../protocol/task_bodies.ts";
import { formatSpan } from "../operator/spans.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { usePage, useTexts } from "../parts/page.ts";
import { formatFull } from "../times.ts";
import { useBoard } from "./board_context.ts";

/** What is queued again and again. */
export function ScheduleList(
  { schedules }: { readonly schedules: readonly TaskSchedule[] },
): JSX.Element {
  const texts = useOperatorTexts();
  return (
    <section aria-labelledby="schedules-title">
      <h2 id="schedules-title">{texts.schedules}</h2>
      {schedules.length === 0
        ? <p class="empty">{texts.noSchedules}</p>
        : (
          <ul class="panel schedules">
            {schedules.map((schedule) => <Schedule key={schedule.name} schedule={schedule} />)}
          </ul>
        )}
    </section>
  );
}

function Schedule({ schedule }: { readonly schedule: TaskSchedule }): JSX.Element {
  const texts = useOperatorTexts();
  const { name, task, crontab, time_zone: timeZone, paused } = schedule;
  return (
    <li class="schedule" data-paused={paused}>
      <h3 class="task-name">{name}</h3>
      <p class="facts">
        <code>{crontab}</code>
        <span>{timeZone}</span>
        {task !== name && <span>{task}</span>}
      </p>
      <dl class="schedule-times">
        <dt>{texts.lastRun}</dt>
        <dd>
          {schedule.last_at === null ? texts.never : <Moment at={schedule.last_at} />}
        </dd>
        <dt>{texts.nextRun}</dt>
        <dd>
          {paused ? <strong>{texts.paused}</strong> : <Moment at={schedule.next_at} />}
        </dd>
      </dl>
      <ScheduleActions schedule={schedule} />
    </li>
  );
}

function Moment({ at }: { readonly at: string }): JSX.Element {
  const { language: { locale } } = usePage();
  const texts = useOperatorTexts();
  const date = new Date(at);
  const ahead = date.getTime() - useBoard().now.value;
  const span = formatSpan(Math.abs(ahead), locale);
  return (
    <time dateTime={at} title={formatFull(date, locale)}>
      {ahead >= 0 ? texts.spanAhead(span) : texts.spanAgo(span)}
    </time>
  );
}

function ScheduleActions({ schedule }: { readonly schedule: TaskSchedule }): JSX.Element {
  const texts = useOperatorTexts();
  const common = useTexts();
  const { board, api } = useBoard();
  const { name, paused } = schedule;
  const refused = (trouble: keyof typeof common.errors) => common.errors[trouble];

  const pause = () =>
    board.do({
      key: name,
      run: () => api.pause(name),
      done: () => ({ kind: "done", text: texts.nowPaused(name), undo: () => void resume() }),
      refused,
    });
  const resume = () =>
    board.do({
      key: name,
      run: () => api.resume(name),
      done: () => ({ kind: "done", text: texts.nowResumed(name), undo: () => void pause() }),
      refused,
    });
  const run = async () => {
    let job = "";
    await board.do({
      key: `run ${name}`,
      run: async () => ({ job } = await api.run(name)),
      done: () => ({ kind: "done", text: texts.queued(name), undo: () => void unqueue(job) }),
      refused,
    });
  };
  const unqueue = (job: string) =>
    board.do({
      key: job,
      run: () => api.cancel(job),
      done: () => ({ kind: "done", text: texts.cancelled(schedule.task) }),
      refused,
    });

  return (
    <div class="schedule-actions">
      <button
        type="button"
        class="quiet"
        aria-label={paused ? texts.resumeSchedule(name) : texts.pauseSchedule(name)}
        disabled={board.isBusy(name)}
        onClick={() => void (paused ? resume() : pause())}
      >
        {paused ? texts.resume : texts.pause}
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={texts.runSchedule(name)}
        disabled={board.isBusy(`run ${name}`)}
        onClick={() => void run()}
      >
        {texts.runNow}
      </button>
    </div>
  );
}
