import { FRAME_MAX_BYTES } from "../../src/protocol/codes.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import type { FrameCase, Make } from "./frame_case.ts";
import {
  encodeFrame,
  type FrameOptions,
  joined,
  noise,
  singleBytes,
  textFrame,
} from "./framing.ts";
import { message, padded } from "./message_text.ts";

/** A case that ends its socket, or may. */
export function endingCase(random: SeededRandom): FrameCase {
  return random.pick(CASES)(random);
}

const BAD_CLOSES = [[3], [0, 0], [3, 231], [3, 237], [255, 255]];
const BAD_JSON = ["{", "}", "nul", "{'a':1}", '{"message":"a"', "\x01", '{"a":"\t"}', "{,}", "NaN"];
const BAD_TYPES = [null, 5, "edit ", "", "MESSAGE", {}, ["message"], "constructor", "__proto__"];
const BAD_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]];
const NO_OBJECTS = ["1", '"text"', "[]", "null", "true", "-0", "[{}]", "1e999"];
const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

const CASES: readonly Make[] = [
  (random) => bad("not JSON", random.pick(BAD_JSON)),
  (random) => bad("no object", random.pick(NO_OBJECTS)),
  (random) => bad("an unknown type", JSON.stringify({ type: random.pick(BAD_TYPES) })),
  (random) => bad("deeply nested", "[".repeat(random.whole(1_000, 60_000))),
  () => bad("an empty frame", ""),
  () => bad("a frame of white space", " \t "),
  binary,
  tooLarge,
  (random) => ends("a huge frame", 1009, blank(random.whole(2 * FRAME_MAX_BYTES + 1, 1_000_000))),
  (random) => ends("a claim of terabytes", 1009, [], { claimedLength: 2 ** random.whole(41, 52) }),
  () => ({ ...ends("too many fragments", 1008), bytes: singleBytes(" ".repeat(20_000)) }),
  (random) => ends("text that is not UTF-8", 1007, [0x7b, ...random.pick(BAD_UTF8)]),
  (random) => ends("unmasked", 1002, noise(random, 50), { masked: false }),
  (random) => ends("a reserved bit", 1002, [], { reserved: random.whole(1, 7) }),
  (random) => ends("a reserved opcode", 1002, [], { opcode: random.pick(RESERVED_OPCODES) }),
  () => ends("a continuation of nothing", 1002, [], { opcode: 0 }),
  messageWithin,
  () => ends("a ping that is too long", 1002, blank(126), { opcode: 9 }),
  () => ends("a ping in fragments", 1002, blank(5), { opcode: 9, fin: false }),
  (random) => ends("a close with a wrong code", 1002, random.pick(BAD_CLOSES), { opcode: 8 }),
  () => ends("a close that is not UTF-8", 1007, [3, 232, 0xff], { opcode: 8 }),
  () => ends("a close", 1000, [3, 232], { opcode: 8 }),
  () => ends("a close without a code", 0, [], { opcode: 8 }),
  changed,
  changed,
  (random) => any("noise for a frame", encodeFrame(noise(random, random.whole(1, 3_000)))),
  (random) => leaves("noise instead of frames", noise(random, 4_000)),
  (random) => leaves("gone in a message", textFrame(message(random), { fin: false })),
  (random) =>
    leaves("gone in a frame", textFrame(message(random)).subarray(0, random.whole(1, 40))),
];

function bad(name: string, content: string): FrameCase {
  const expected = { errors: ["bad_frame"], closes: [4400] };
  return { name, bytes: textFrame(content), expected };
}

function ends(
  name: string,
  close: number,
  payload: Iterable<number> = [],
  options: FrameOptions = {},
): FrameCase {
  const bytes = encodeFrame(Uint8Array.from(payload), options);
  return { name, bytes, expected: { closes: [close] } };
}

function any(name: string, bytes: Uint8Array): FrameCase {
  return { name, bytes, expected: { any: true } };
}

function leaves(name: string, bytes: Uint8Array): FrameCase {
  return { name, bytes, expected: { leaves: true } };
}

function blank(length: number): Uint8Array {
  return new Uint8Array(length).fill(32);
}

function binary(random: SeededRandom): FrameCase {
  const bytes = encodeFrame(noise(random, 200), { opcode: 2 });
  return { name: "binary", bytes, expected: { errors: ["bad_frame"], closes: [4400] } };
}

function tooLarge(random: SeededRandom): FrameCase {
  const length = random.whole(FRAME_MAX_BYTES + 1, 2 * FRAME_MAX_BYTES);
  const bytes = textFrame(padded(message(random, 100), length));
  const expected = { errors: ["frame_too_large"], closes: [4413] };
  return { name: "a frame above the limit", bytes, expected };
}

function messageWithin(): FrameCase {
  const bytes = joined([textFrame("{", { fin: false }), textFrame("{}")]);
  return { name: "a message within a message", bytes, expected: { closes: [1002] } };
}

/** A message with some bytes changed, added or left out. */
function changed(random: SeededRandom): FrameCase {
  const bytes = [...new TextEncoder().encode(message(random, 60))];
  for (let n = random.whole(1, 5); n > 0; n--) {
    const at = random.whole(0, bytes.length - 1);
    const byte = noise(random, 1);
    bytes.splice(at, random.whole(0, 2), ...random.pick([[], byte, byte]));
  }
  return any("a changed message", encodeFrame(Uint8Array.from(bytes)));
}
