import { Buffer } from "node:buffer";
import { type Entry, entryLine } from "./entry.ts";
import { textFrame } from "./text_frame.ts";

const NEWLINE = 10;
// `{"type":"message"…` or `{"type":"changed"…`: the first letter of the type tells which.
const TYPE_OFFSET = '{"type":"'.length;
const LETTER_M = "m".charCodeAt(0);

/**
 * Entries of one room at consecutive positions, written out once: the JSON lines that every socket
 * and every other instance receives.
 */
export class Run {
  /** The first position. */
  readonly from: number;
  /** The last position. */
  readonly to: number;
  /** The lines in UTF-8, joined by newlines. */
  readonly bytes: Uint8Array;
  #joined: Uint8Array | undefined;
  #plain: Uint8Array | undefined;

  constructor(from: number, to: number, bytes: Uint8Array) {
    this.from = from;
    this.to = to;
    this.bytes = bytes;
  }

  /** Writes out entries whose positions follow one another. */
  static of(entries: readonly [Entry, ...Entry[]]): Run {
    const from = entries[0].position;
    let lines = entryLine(entries[0]);
    for (let i = 1; i < entries.length; i++) lines += "\n" + entryLine(entries[i]!);
    return new Run(from, from + entries.length - 1, Buffer.from(lines));
  }

  /** Several runs, each beginning where the one before ended, as one. */
  static join(runs: readonly [Run, ...Run[]]): Run {
    const last = runs.at(-1)!;
    if (last === runs[0]) return last;
    const length = runs.reduce((sum, run) => sum + run.bytes.length + 1, -1);
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (const run of runs) {
      if (at > 0) bytes[at++] = NEWLINE;
      bytes.set(run.bytes, at);
      at += run.bytes.length;
    }
    return new Run(runs[0].from, last.to, bytes);
  }

  /** What of it comes after a position, or `null` when nothing does. */
  after(position: number): Run | null {
    if (position >= this.to) return null;
    if (position < this.from) return this;
    let start = 0;
    for (let skip = position - this.from + 1; skip > 0; skip--) {
      start = this.bytes.indexOf(NEWLINE, start) + 1;
    }
    return new Run(position + 1, this.to, this.bytes.subarray(start));
  }

  /** All lines in one WebSocket frame, as `maru.v1` has them. */
  get joinedFrame(): Uint8Array {
    return this.#joined ??= textFrame(this.bytes);
  }

  /** One frame for each message, and none for changes, as sockets without a subprotocol have them. */
  get plainFrames(): Uint8Array {
    return this.#plain ??= this.#encodePlain();
  }

  #encodePlain(): Uint8Array {
    if (this.from === this.to && this.bytes[TYPE_OFFSET] === LETTER_M) return this.joinedFrame;
    const frames: Uint8Array[] = [];
    for (let start = 0; start < this.bytes.length;) {
      const newline = this.bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? this.bytes.length : newline;
      if (this.bytes[start + TYPE_OFFSET] === LETTER_M) {
        frames.push(textFrame(this.bytes.subarray(start, end)));
      }
      start = end + 1;
    }
    return Buffer.concat(frames);
  }
}

/** Groups entries in the order of their positions into runs without gaps. */
export function toRuns(entries: readonly Entry[]): Run[] {
  const runs: Run[] = [];
  let open: [Entry, ...Entry[]] | undefined;
  for (const entry of entries) {
    if (open !== undefined && entry.position === open[0].position + open.length) {
      open.push(entry);
    } else {
      if (open !== undefined) runs.push(Run.of(open));
      open = [entry];
    }
  }
  if (open !== undefined) runs.push(Run.of(open));
  return runs;
}
