/** What travels in the bench. */
export interface BenchMessage {
  readonly [key: string]: unknown;
  readonly type: "bench.message";
  /** Tells one load from the next, of the same processes. */
  readonly run: number;
  /** Which sender. */
  readonly from: number;
  /** 1, 2, 3 … of one sender to one group. */
  readonly n: number;
  /** When it was sent, by {@linkcode now}. */
  readonly at: number;
  readonly text: string;
}

/** The end of a sender. */
export interface SendingEnd extends AsyncDisposable {
  /** Messages that were sent and that the database has not taken yet. */
  readonly inFlight: number;
  /** Sends, without waiting. */
  send(group: number, message: BenchMessage): void;
  /** Settles when it may be worth while to look at {@linkcode inFlight} again. */
  progress(): Promise<void>;
}

/** Told of each message. */
export type HearMessage = (group: number, message: BenchMessage) => void;

/** Ms since 1970, with µs: the same in all processes of a machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
