import { Buffer } from "node:buffer";
import { Run } from "./run.ts";

/** The bus topic of the room logs. */
export const LOG_TOPIC = "log";

const HEADER_BYTES = 24;

/**
 * What an instance tells the others of a room after a commit: the entries themselves, or, when
 * they are big, only where they are.
 *
 * Layout: room id, first and last position, each a little-endian double; then the lines.
 */
export interface Hint {
  readonly roomId: number;
  readonly from: number;
  readonly to: number;
  /** `null`: to be read from the log. */
  readonly run: Run | null;
}

/** Writes a hint out; entries of more than `inlineLimit` bytes are left to be read. */
export function encodeHint(roomId: number, run: Run, inlineLimit: number): Uint8Array {
  const inline = HEADER_BYTES + run.bytes.length <= inlineLimit;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + (inline ? run.bytes.length : 0));
  // Doubles hold every whole number up to 2^53, and cost no BigInt.
  bytes.writeDoubleLE(roomId, 0);
  bytes.writeDoubleLE(run.from, 8);
  bytes.writeDoubleLE(run.to, 16);
  if (inline) bytes.set(run.bytes, HEADER_BYTES);
  return bytes;
}

/** Reads a hint, or returns `null` when it is none. */
export function decodeHint(data: Uint8Array): Hint | null {
  if (data.length < HEADER_BYTES) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const roomId = view.getFloat64(0, true);
  const from = view.getFloat64(8, true);
  const to = view.getFloat64(16, true);
  if (![roomId, from, to].every(Number.isSafeInteger) || from < 1 || to < from) return null;
  const run = data.length === HEADER_BYTES ? null : new Run(from, to, data.slice(HEADER_BYTES));
  return { roomId, from, to, run };
}
