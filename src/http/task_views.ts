import type { JobInfo, QueueOverview, ScheduleInfo } from "../tasks/mod.ts";
import type { TaskJob, TaskJobSummary, TaskQueue, TaskSchedule } from "../protocol/task_bodies.ts";

const INPUT_PREVIEW_LENGTH = 200;
const ERROR_PREVIEW_LENGTH = 1_000;

/** A task's figures, as the API tells them. */
export function queueView(queue: QueueOverview): TaskQueue {
  return {
    task: queue.task,
    waiting: queue.waiting,
    deferred: queue.deferred,
    running: queue.active,
    failed: queue.failed,
    done_last_minute: queue.doneLastMinute,
    done_last_hour: queue.doneLastHour,
    oldest_waiting_ms: Math.round(queue.oldestWaitingMs),
  };
}

/** A job in a list: what may be large is cut, and left to {@linkcode jobView}. */
export function jobSummaryView({ error, progress, ...job }: JobInfo): TaskJobSummary {
  return {
    id: job.id,
    task: job.task,
    state: job.state,
    input_preview: cut(JSON.stringify(job.input), INPUT_PREVIEW_LENGTH),
    error: error === undefined
      ? null
      : { name: error.name, message: cut(error.message, ERROR_PREVIEW_LENGTH) },
    progress: progress ?? null,
    attempt: job.attempt,
    retries: job.retries,
    priority: job.priority,
    unique_key: job.uniqueKey ?? null,
    created_at: job.createdAt.toISOString(),
    due_at: job.dueAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    finished_at: job.finishedAt?.toISOString() ?? null,
  };
}

/** All of a job. */
export function jobView(job: JobInfo): TaskJob {
  const { error, input, result } = job;
  return {
    ...jobSummaryView(job),
    error: error === undefined ? null : { name: error.name, message: error.message },
    input,
    result: result ?? null,
    stack: error?.stack ?? null,
  };
}

/** A schedule. */
export function scheduleView(schedule: ScheduleInfo): TaskSchedule {
  return {
    name: schedule.name,
    crontab: schedule.crontab,
    time_zone: schedule.timeZone,
    task: schedule.task,
    missed: schedule.missed,
    paused: schedule.paused,
    next_at: schedule.nextAt.toISOString(),
    last_at: schedule.lastAt?.toISOString() ?? null,
    last_job: schedule.lastJob ?? null,
  };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).toWellFormed()}…`;
}
