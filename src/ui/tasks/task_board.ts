import { batch, type ReadonlySignal, signal } from "@preact/signals";
import type {
  BoardFrame,
  ProgressFrame,
  TaskBoardFrame,
  TaskJobSummary,
  TaskQueue,
  TaskSchedule,
} from "../../protocol/task_bodies.ts";
import type { Trouble } from "../language/texts.ts";
import { LiveSocket, type LiveSocketOptions, type LiveState } from "../live_socket.ts";
import { troubleOf } from "../trouble.ts";

/** All that the page shows. */
export interface Board {
  readonly queues: readonly TaskQueue[];
  readonly running: readonly TaskJobSummary[];
  readonly waiting: readonly TaskJobSummary[];
  readonly failed: readonly TaskJobSummary[];
  readonly schedules: readonly TaskSchedule[];
}

/** What the page has to say of what somebody did. */
export interface Notice {
  readonly kind: "done" | "trouble";
  readonly text: string;
  /** Takes it back. */
  readonly undo?: () => void;
}

/** What somebody does. */
export interface Deed {
  /** Names it, so that it is not done twice at once. */
  readonly key: string;
  readonly run: () => Promise<unknown>;
  /** What to say when it is done, and how to take it back. */
  readonly done: () => Notice;
  /** What to say when it is refused. */
  readonly refused: (trouble: Trouble) => string;
}

/** A notice stays for so long. */
export const NOTICE_MS = 8_000;

const EMPTY: Board = { queues: [], running: [], waiting: [], failed: [], schedules: [] };
const PATH = "/ws/admin/tasks/";

/** Background work as the server tells of it, and what one does about it. */
export class TaskBoard {
  readonly #board = signal<Board | null>(null);
  readonly #trouble = signal<Trouble | null>(null);
  readonly #notice = signal<Notice | null>(null);
  readonly #busy = signal<ReadonlySet<string>>(new Set());
  readonly #state = signal<LiveState>("connecting");
  readonly #socketOptions: Partial<LiveSocketOptions<TaskBoardFrame>>;
  readonly #onLost: () => void;
  #socket: LiveSocket<TaskBoardFrame, never> | null = null;
  #unsubscribe = () => {};
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  /** What has to be added to this clock to have the server's, in ms. */
  #offsetMs = 0;

  /** @param onLost called when the socket is lost: whoever looks may be an operator no more */
  constructor(
    onLost: () => void,
    socketOptions: Partial<LiveSocketOptions<TaskBoardFrame>> = {},
  ) {
    this.#onLost = onLost;
    this.#socketOptions = socketOptions;
  }

  /** What there is; `null` until it is known. */
  get board(): ReadonlySignal<Board | null> {
    return this.#board;
  }

  /** What the server cannot look for at the moment. */
  get trouble(): ReadonlySignal<Trouble | null> {
    return this.#trouble;
  }

  get notice(): ReadonlySignal<Notice | null> {
    return this.#notice;
  }

  /** How the connection stands. */
  get state(): ReadonlySignal<LiveState> {
    return this.#state;
  }

  /** Now, by the server's clock, in ms. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Whether this is being done. */
  isBusy(key: string): boolean {
    return this.#busy.value.has(key);
  }

  /** Begins to look, or goes on. */
  open(): void {
    if (this.#socket) return this.#socket.wake();
    this.#socket = new LiveSocket({
      path: PATH,
      onLost: this.#onLost,
      ...this.#socketOptions,
      onFrame: (frame) => this.#receive(frame),
    });
    this.#unsubscribe = this.#socket.state.subscribe((state) => this.#state.value = state);
  }

  /** Looks no more, until it is opened again. */
  close(): void {
    this.#unsubscribe();
    this.#socket?.close();
    this.#socket = null;
    this.#state.value = "connecting";
  }

  /** Does something, and says what came of it. Returns whether it was done. */
  async do({ key, run, done, refused }: Deed): Promise<boolean> {
    if (this.isBusy(key)) return false;
    this.#busy.value = new Set(this.#busy.value).add(key);
    try {
      await run();
      this.say(done());
      return true;
    } catch (error) {
      this.say({ kind: "trouble", text: refused(troubleOf(error)) });
      return false;
    } finally {
      const busy = new Set(this.#busy.value);
      busy.delete(key);
      this.#busy.value = busy;
    }
  }

  /** Says something, for a while; `null` says it no longer. */
  say(notice: Notice | null): void {
    clearTimeout(this.#noticeTimer);
    this.#notice.value = notice;
    if (notice) this.#noticeTimer = setTimeout(() => this.#notice.value = null, NOTICE_MS);
  }

  #receive(frame: TaskBoardFrame): void {
    if (frame.type === "board") this.#show(frame);
    else if (frame.type === "progress") this.#advance(frame);
  }

  #show({ type: _, at, trouble, ...parts }: BoardFrame): void {
    this.#offsetMs = Date.parse(at) - Date.now();
    batch(() => {
      if (trouble !== undefined) this.#trouble.value = trouble;
      // In trouble from the first moment on there is nothing to show.
      if (Object.keys(parts).length === 0) return;
      this.#board.value = { ...this.#board.value ?? EMPTY, ...parts };
    });
  }

  #advance({ id, fraction, text }: ProgressFrame): void {
    const board = this.#board.value;
    if (!board) return;
    const running = board.running.map((job) =>
      job.id === id ? { ...job, progress: { fraction, text } } : job
    );
    this.#board.value = { ...board, running };
  }
}
