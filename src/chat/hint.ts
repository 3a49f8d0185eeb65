import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Run } from "./run.ts";

/**
 * The bus topic of the room logs. Its number goes up with the layout of a hint, so that instances
 * of two versions do not misread each other: while a deploy lasts, their sweeps carry what goes
 * between them.
 */
export const LOG_TOPIC = "log2";

const HEADER_BYTES = 32;
const TAG_BYTES = 6;

/**
 * What an instance tells the others of a room after a commit: the entries themselves, or, when
 * they are big, only where they are.
 *
 * Layout: tag of the history, room id, first and last position, each a little-endian double; then
 * the lines.
 */
export interface Hint {
  /** Of the history that the positions belong to: see {@linkcode historyTag}. */
  readonly tag: number;
  readonly roomId: number;
  readonly from: number;
  readonly to: number;
  /** `null`: to be read from the log. */
  readonly run: Run | null;
}

/**
 * A history's name, short enough to go with each hint: 48 bits of its SHA-256.
 *
 * @param history as `log_history()` says it
 */
export function historyTag(history: string): number {
  return createHash("sha256").update(history).digest().readUIntLE(0, TAG_BYTES);
}

/** Writes a hint out; entries of more than `inlineLimit` bytes are left to be read. */
export function encodeHint(
  tag: number,
  roomId: number,
  run: Run,
  inlineLimit: number,
): Uint8Array {
  const inline = HEADER_BYTES + run.bytes.length <= inlineLimit;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + (inline ? run.bytes.length : 0));
  // Doubles hold every whole number up to 2^53, and cost no BigInt.
  bytes.writeDoubleLE(tag, 0);
  bytes.writeDoubleLE(roomId, 8);
  bytes.writeDoubleLE(run.from, 16);
  bytes.writeDoubleLE(run.to, 24);
  if (inline) bytes.set(run.bytes, HEADER_BYTES);
  return bytes;
}

/** Reads a hint, or returns `null` when it is none. */
export function decodeHint(data: Uint8Array): Hint | null {
  if (data.length < HEADER_BYTES) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const tag = view.getFloat64(0, true);
  const roomId = view.getFloat64(8, true);
  const from = view.getFloat64(16, true);
  const to = view.getFloat64(24, true);
  if (![tag, roomId, from, to].every(Number.isSafeInteger) || from < 1 || to < from) return null;
  const run = data.length === HEADER_BYTES ? null : new Run(from, to, data.slice(HEADER_BYTES));
  return { tag, roomId, from, to, run };
}
