import type { ChannelLayer, Message } from "../channels/mod.ts";
import { isUnavailable } from "../db/errors.ts";
import type { BoardFrame, ProgressFrame } from "../protocol/task_bodies.ts";
import { taskGroup, type Tasks } from "../tasks/mod.ts";
import { jobSummaryView, queueView, scheduleView } from "./task_views.ts";

/** What a {@linkcode TaskBoard} is made of. */
export interface TaskBoardOptions {
  readonly tasks: Pick<Tasks, "list" | "overview" | "schedules">;
  readonly layer: ChannelLayer;
  readonly onError: (message: string, error: unknown) => void;
}

/** Takes frames, as JSON. */
export type BoardViewer = (text: string) => void;

/** How many jobs of each state are shown. */
export const BOARD_JOBS = 50;

const LOOK_INTERVAL_MS = 1_000;
/** When something happened that is worth a look; never more often. */
const LOOK_SOON_MS = 200;
/** The looks take at most this part of the time: a look at many jobs is slow. */
const LOOK_SHARE = 1 / 10;
const LOOK_INTERVAL_MAX_MS = 15_000;

/**
 * What an instance's viewers see of background work. While there are any, one look at the database
 * a second serves all of them, and they are told what has changed; between the looks, the progress
 * of what runs comes by its groups of the channel layer.
 */
export class TaskBoard {
  readonly #options: TaskBoardOptions;
  readonly #viewers = new Set<BoardViewer>();
  /** What was told last, part by part, as JSON. */
  readonly #shown = new Map<string, string>();
  #running: Promise<void> | undefined;
  #followed = new Set<string>();
  #wanted = false;
  #wake: (() => void) | undefined;

  constructor(options: TaskBoardOptions) {
    this.#options = options;
  }

  /** Tells a viewer all there is, as soon as it is known, then what changes, until the signal. */
  watch(viewer: BoardViewer, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#viewers.add(viewer);
    signal.addEventListener("abort", () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#wake?.();
    }, { once: true });
    if (this.#shown.size > 0) viewer(frame([...this.#shown]));
    this.#running ??= this.#run();
  }

  /** Looks again soon: somebody has just changed something. */
  lookSoon(): void {
    this.#wanted = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const ended = new AbortController();
    const channel = this.#listen(ended.signal);
    while (this.#viewers.size > 0) {
      this.#wanted = false;
      const startedAt = performance.now();
      await this.#look(channel);
      const tookMs = performance.now() - startedAt;
      const restMs = Math.min(tookMs / LOOK_SHARE, LOOK_INTERVAL_MAX_MS);
      await this.#rest(Math.max(LOOK_SOON_MS, restMs), () => false);
      await this.#rest(LOOK_INTERVAL_MS - LOOK_SOON_MS, () => this.#wanted);
    }
    ended.abort();
    this.#followed.clear();
    this.#shown.clear();
    this.#running = undefined;
  }

  /** Looks at everything, and tells what has changed. */
  async #look(channel: string): Promise<void> {
    const { tasks } = this.#options;
    const list = async (state: "running" | "waiting" | "failed") =>
      (await tasks.list({ state, limit: BOARD_JOBS })).map(jobSummaryView);
    try {
      // One after the other: workers need the connections more.
      const running = await list("running");
      await this.#follow(running, channel);
      this.#show({
        running,
        waiting: await list("waiting"),
        failed: await list("failed"),
        queues: (await tasks.overview()).map(queueView),
        schedules: (await tasks.schedules()).map(scheduleView),
        trouble: null,
      });
    } catch (error) {
      const away = isUnavailable(error);
      if (!away) this.#options.onError("The look at background work failed", error);
      this.#show({ trouble: away ? "database_unavailable" : "internal" });
    }
  }

  #show(parts: Omit<BoardFrame, "type" | "at">): void {
    const changed = Object.entries(parts).map(([name, part]) => [name, JSON.stringify(part)])
      .filter(([name, text]) => this.#shown.get(name!) !== text) as [string, string][];
    if (changed.length === 0) return;
    for (const [name, text] of changed) this.#shown.set(name, text);
    this.#tell(frame(changed));
  }

  #tell(text: string): void {
    for (const viewer of this.#viewers) viewer(text);
  }

  /** Hears of the jobs whose groups its channel is put into. */
  #listen(signal: AbortSignal): string {
    const { layer } = this.#options;
    const channel = layer.newChannel("tasks");
    layer.subscribe(channel, (event) => this.#hear(event), { signal });
    return channel;
  }

  #hear({ type, id, fraction, text }: Message): void {
    if (type !== "task.progress") return this.lookSoon();
    this.#tell(JSON.stringify({ type: "progress", id, fraction, text } as ProgressFrame));
  }

  async #follow(jobs: readonly { readonly id: string }[], channel: string): Promise<void> {
    const { layer } = this.#options;
    const running = new Set(jobs.map(({ id }) => id));
    for (const id of running.difference(this.#followed)) {
      await layer.groupAdd(taskGroup(id), channel);
    }
    for (const id of this.#followed.difference(running)) {
      await layer.groupDiscard(taskGroup(id), channel);
    }
    this.#followed = running;
  }

  /** Lets time pass, unless nobody looks any more, or it should end. */
  async #rest(ms: number, ends: () => boolean): Promise<void> {
    if (ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = () => {
      if (this.#viewers.size === 0 || ends()) resolve();
    };
    this.#wake();
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

function frame(parts: readonly (readonly [name: string, text: string])[]): string {
  const at = JSON.stringify(new Date().toISOString());
  return `{"type":"board","at":${at}${parts.map(([name, text]) => `,"${name}":${text}`).join("")}}`;
}
