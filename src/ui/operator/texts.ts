import type { TaskJobSummary } from "../../protocol/task_bodies.ts";
import type { LanguageTag } from "../language/language.ts";
import { usePage } from "../parts/page.ts";
import { english } from "./english.ts";
import { korean } from "./korean.ts";

/** Every text of the operators' pages, in one language. */
export interface OperatorTexts {
  readonly operatorOnly: string;
  readonly token: string;
  readonly tokenHint: string;
  readonly wrongToken: string;
  readonly signIn: string;
  readonly signOut: string;
  readonly connectionLost: string;
  readonly close: string;
  readonly undo: string;

  readonly backgroundWork: string;
  readonly states: Readonly<Record<TaskJobSummary["state"], string>>;
  readonly tasks: string;
  readonly task: string;
  readonly deferred: string;
  readonly perMinute: string;
  readonly perHour: string;
  readonly oldest: string;
  readonly runningTasks: string;
  readonly waitingTasks: string;
  readonly failedTasks: string;
  readonly schedules: string;
  readonly noTasks: string;
  readonly nothingRuns: string;
  readonly nothingWaits: string;
  readonly nothingFailed: string;
  readonly noSchedules: string;
  readonly firstOf: (shown: number, count: number) => string;
  readonly runsFor: (span: string) => string;
  readonly waitsFor: (span: string) => string;
  readonly dueIn: (span: string) => string;
  readonly failedAgo: (span: string) => string;
  readonly attempt: (attempt: number, of: number) => string;
  readonly willRetry: string;
  readonly progressOf: (task: string) => string;
  readonly details: string;
  readonly input: string;
  readonly error: string;
  readonly id: string;
  readonly uniqueKey: string;
  readonly priority: string;
  readonly queuedAt: string;
  readonly retry: string;
  readonly retryTask: (task: string) => string;
  readonly cancelTask: (task: string) => string;
  readonly cancelQuestion: (task: string) => string;
  readonly cancelRunningHint: string;
  readonly cancelWaitingHint: string;
  readonly keep: string;
  readonly cancelIt: string;
  readonly paused: string;
  readonly pause: string;
  readonly resume: string;
  readonly runNow: string;
  readonly pauseSchedule: (name: string) => string;
  readonly resumeSchedule: (name: string) => string;
  readonly runSchedule: (name: string) => string;
  readonly never: string;
  readonly lastRun: string;
  readonly nextRun: string;
  readonly spanAgo: (span: string) => string;
  readonly spanAhead: (span: string) => string;
  readonly retried: (task: string) => string;
  readonly cancelled: (task: string) => string;
  readonly queued: (name: string) => string;
  readonly nowPaused: (name: string) => string;
  readonly nowResumed: (name: string) => string;

  readonly exampleTitle: string;
  readonly exampleText: string;
  readonly start: string;
  readonly startFailing: string;
  readonly cancelSweep: string;
  readonly sweeping: string;
  readonly notStarted: string;
  readonly waitsForWorker: string;
  readonly swept: (boards: number, seconds: number) => string;
  readonly sweepFailed: (why: string) => string;
  readonly sweepCancelled: string;
  readonly noSuchSweep: string;
  readonly seeAll: string;
}

const OPERATOR_TEXTS: Readonly<Record<LanguageTag, OperatorTexts>> = { en: english, ko: korean };

/** The texts of the operators' pages in the language of the page. */
export function useOperatorTexts(): OperatorTexts {
  return OPERATOR_TEXTS[usePage().language.tag];
}
