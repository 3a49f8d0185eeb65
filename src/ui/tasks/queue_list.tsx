import type { JSX } from "preact";
import type { TaskQueue } from "../../protocol/task_bodies.ts";
import { formatSpan } from "../operator/spans.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { usePage } from "../parts/page.ts";

/** Each task in figures. */
export function QueueList({ queues }: { readonly queues: readonly TaskQueue[] }): JSX.Element {
  const texts = useOperatorTexts();
  return (
    <section aria-labelledby="queues-title">
      <h2 id="queues-title">{texts.tasks}</h2>
      {queues.length === 0 ? <p class="empty">{texts.noTasks}</p> : (
        <ul class="panel queues">
          {queues.map((queue) => <Queue key={queue.task} queue={queue} />)}
        </ul>
      )}
    </section>
  );
}

function Queue({ queue }: { readonly queue: TaskQueue }): JSX.Element {
  const { language } = usePage();
  const texts = useOperatorTexts();
  const number = (count: number) => count.toLocaleString(language.locale);
  const figures: readonly [name: string, value: string, alarming?: boolean][] = [
    [texts.states.running, number(queue.running)],
    [texts.states.waiting, number(queue.waiting)],
    [
      texts.oldest,
      queue.waiting === 0 ? "–" : formatSpan(queue.oldest_waiting_ms, language.locale),
    ],
    [texts.deferred, number(queue.deferred)],
    [texts.perMinute, number(queue.done_last_minute)],
    [texts.perHour, number(queue.done_last_hour)],
    [texts.states.failed, number(queue.failed), queue.failed > 0],
  ];
  return (
    <li class="queue">
      <h3 class="task-name">{queue.task}</h3>
      <dl>
        {figures.map(([name, value, alarming = false]) => (
          <div key={name} class="figure" data-alarming={alarming} data-none={/^[0–]$/.test(value)}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}
