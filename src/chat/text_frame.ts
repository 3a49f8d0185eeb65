import { Buffer } from "node:buffer";

const FIN_TEXT = 0x81;

/**
 * A server's WebSocket frame (RFC 6455, section 5.2): final, text, not masked. Made once and
 * written to every socket of a room; a library would frame the same bytes again for each.
 *
 * @param payload UTF-8
 */
export function textFrame(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FIN_TEXT;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.set(payload, header);
  return frame;
}
