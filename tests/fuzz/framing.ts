import type { SeededRandom } from "../support/seeded_random.ts";

const encoder = new TextEncoder();

/** What a frame's first byte says, besides its opcode. */
export interface FrameOptions {
  /** @default 1, text */
  readonly opcode?: number;
  /** The last of its message. @default true */
  readonly fin?: boolean;
  /** The three reserved bits. @default 0 */
  readonly reserved?: number;
  /** As a client must. @default true */
  readonly masked?: boolean;
  /** What the header says of the length, whatever follows. @default the payload's */
  readonly claimedLength?: number;
}

/** A WebSocket frame (RFC 6455, section 5.2), right or wrong. */
export function encodeFrame(payload: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { opcode = 1, fin = true, reserved = 0, masked = true } = options;
  const length = options.claimedLength ?? payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + extended + (masked ? 4 : 0);
  const frame = new Uint8Array(head + payload.length);
  const view = new DataView(frame.buffer);
  frame[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  frame[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  const mask = [0x12, 0xa7, 0x5c, 0xe9];
  if (masked) frame.set(mask, head - 4);
  for (let i = 0; i < payload.length; i++) {
    frame[head + i] = payload[i]! ^ (masked ? mask[i & 3]! : 0);
  }
  return frame;
}

/** A text frame. */
export function textFrame(text: string, options: FrameOptions = {}): Uint8Array {
  return encodeFrame(encoder.encode(text), options);
}

/** A message cut anywhere, also within a character. */
export function fragments(text: string, random: SeededRandom): Uint8Array {
  return cut(text, () => random.whole(1, 200));
}

/** A message cut into as many fragments as it has bytes. */
export function singleBytes(text: string): Uint8Array {
  return cut(text, () => 1);
}

/** Any bytes but line feeds: each line would be an object of its own. */
export function noise(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.whole(11, 265) & 0xff || 1);
}

/** Several frames, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function cut(text: string, length: () => number): Uint8Array {
  const bytes = encoder.encode(text);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + length());
    const options = { opcode: at === 0 ? 1 : 0, fin: end === bytes.length };
    parts.push(encodeFrame(bytes.subarray(at, end), options));
    at = end;
  }
  return joined(parts);
}
