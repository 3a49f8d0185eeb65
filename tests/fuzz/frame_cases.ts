import { FRAME_MAX_BYTES } from "../../src/protocol/codes.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { encodeFrame } from "./raw_socket.ts";

/** Something to send, and what has to come of it. */
export interface FrameCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: Expected;
}

/** The answers to one case. */
export interface Expected {
  readonly acks?: number;
  readonly pongs?: number;
  /** Codes of the errors. */
  readonly errors?: readonly string[];
  /** The socket ends with one of these close codes; 0: without any. */
  readonly closes?: readonly number[];
  /** Nobody can say which, but there is one: an ack, a pong, an error or an end. */
  readonly any?: boolean;
  /** The client goes at once, and waits for nothing. */
  readonly leaves?: boolean;
}

type Make = (random: SeededRandom) => FrameCase;

const encoder = new TextEncoder();

/** A case after which the socket goes on. */
export function ongoingCase(random: SeededRandom): FrameCase {
  return random.pick(ONGOING)(random);
}

/** A case that ends its socket, or may. */
export function endingCase(random: SeededRandom): FrameCase {
  return random.pick(ENDING)(random);
}

const ONGOING: readonly Make[] = [
  (random) => valid("a message", message(random)),
  (random) => valid("a message", message(random)),
  (random) => valid("a message in fragments", message(random), (bytes) => fragments(bytes, random)),
  (random) =>
    valid(
      "a message in single bytes",
      message(random, random.next() < 0.05 ? 3_500 : 50),
      singleBytes,
    ),
  (random) =>
    valid("unknown fields", message(random, 100, { more: nested(random.whole(1, 9_000)) })),
  (random) => valid("a name of the prototype's", message(random, 50, { ["__proto__"]: { x: 1 } })),
  (random) =>
    valid(
      "an id in upper case",
      message(random).replace(/"id":"[^"]+"/, (id) => id.toUpperCase().replace("ID", "id")),
    ),
  (random) => valid("white space around", `  ${message(random)}\t `),
  (random) => valid("a frame of just the limit", padded(message(random, 100), FRAME_MAX_BYTES)),
  twice,
  severalLines,
  ping,
  controlFrames,
  invalidField,
  invalidText,
  conflict,
  (random) =>
    text("a reply to nothing", message(random, 50, { reply_to: Number.MAX_SAFE_INTEGER }), {
      errors: ["no_such_reply"],
    }),
];

const ENDING: readonly Make[] = [
  (random) =>
    bad(
      "not JSON",
      random.pick([
        "{",
        "}",
        "nul",
        "{'a':1}",
        '{"message":"a"',
        "\u0001",
        '{"message":"\t"}',
        "{,}",
        "NaN",
      ]),
    ),
  (random) =>
    bad("no object", random.pick(["1", '"text"', "[]", "null", "true", "-0", "[{}]", "1e999"])),
  (random) =>
    bad(
      "an unknown type",
      JSON.stringify({
        type: random.pick([
          null,
          5,
          "edit ",
          "",
          "MESSAGE",
          {},
          ["message"],
          "constructor",
          "__proto__",
        ]),
      }),
    ),
  (random) => bad("deeply nested", "[".repeat(random.whole(1_000, 60_000))),
  () => bad("an empty frame", ""),
  () => bad("a frame of white space", " \t "),
  (random) => ({
    name: "binary",
    bytes: encodeFrame(noise(random, 200), { opcode: 2 }),
    expected: { errors: ["bad_frame"], closes: [4400] },
  }),
  (random) => ({
    name: "a frame above the limit",
    bytes: encodeFrame(
      encoder.encode(
        padded(message(random, 100), FRAME_MAX_BYTES + random.whole(1, FRAME_MAX_BYTES)),
      ),
    ),
    expected: { errors: ["frame_too_large"], closes: [4413] },
  }),
  (random) =>
    ending(
      "a huge frame",
      encodeFrame(new Uint8Array(random.whole(2 * FRAME_MAX_BYTES + 1, 1_000_000)).fill(32)),
      [1009],
    ),
  (random) =>
    ending(
      "a claim of terabytes",
      encodeFrame(noise(random, 100), { claimedLength: 2 ** random.whole(41, 52) }),
      [1009],
    ),
  (random) =>
    ending(
      "text that is not UTF-8",
      encodeFrame(
        new Uint8Array([
          0x7b,
          ...random.pick([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [
            0xe2,
            0x82,
          ]]),
        ]),
      ),
      [1007],
    ),
  (random) =>
    ending("unmasked", encodeFrame(encoder.encode(message(random, 20)), { masked: false }), [1002]),
  (random) =>
    ending("a reserved bit", encodeFrame(encoder.encode("{}"), { reserved: random.whole(1, 7) }), [
      1002,
    ]),
  (random) =>
    ending(
      "a reserved opcode",
      encodeFrame(encoder.encode("{}"), {
        opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]),
      }),
      [1002],
    ),
  () =>
    ending("a continuation of nothing", encodeFrame(encoder.encode("{}"), { opcode: 0 }), [1002]),
  () =>
    ending(
      "a message within a message",
      joined([encodeFrame(encoder.encode("{"), { fin: false }), encodeFrame(encoder.encode("{}"))]),
      [1002],
    ),
  () => ending("a ping that is too long", encodeFrame(new Uint8Array(126), { opcode: 9 }), [1002]),
  () =>
    ending("a ping in fragments", encodeFrame(new Uint8Array(5), { opcode: 9, fin: false }), [
      1002,
    ]),
  (random) =>
    ending(
      "a close with a wrong code",
      encodeFrame(new Uint8Array(random.pick([[3], [0, 0], [3, 231], [3, 237], [255, 255]])), {
        opcode: 8,
      }),
      [1002],
    ),
  () =>
    ending(
      "a close that is not UTF-8",
      encodeFrame(new Uint8Array([3, 232, 0xff]), { opcode: 8 }),
      [1007],
    ),
  () => ending("a close", encodeFrame(new Uint8Array([3, 232]), { opcode: 8 }), [1000]),
  () => ending("a close without a code", encodeFrame(new Uint8Array(), { opcode: 8 }), [0]),
  mutated,
  mutated,
  (random) => ({
    name: "gone in the middle of a frame",
    bytes: encodeFrame(encoder.encode(message(random))).subarray(0, random.whole(1, 40)),
    expected: { leaves: true },
  }),
  (random) => ({
    name: "gone in the middle of a message",
    bytes: encodeFrame(encoder.encode(message(random)), { fin: false }),
    expected: { leaves: true },
  }),
  (random) => ({
    name: "noise for a frame",
    bytes: encodeFrame(noise(random, random.whole(1, 3_000))),
    expected: { any: true },
  }),
  (random) => ({
    name: "noise instead of frames",
    bytes: noise(random, 4_000),
    expected: { leaves: true },
  }),
];

function text(name: string, content: string, expected: Expected): FrameCase {
  return { name, bytes: encodeFrame(encoder.encode(content)), expected };
}

function valid(
  name: string,
  content: string,
  frame: (bytes: Uint8Array) => Uint8Array = encodeFrame,
): FrameCase {
  return { name, bytes: frame(encoder.encode(content)), expected: { acks: 1 } };
}

function bad(name: string, content: string): FrameCase {
  return text(name, content, { errors: ["bad_frame"], closes: [4400] });
}

function ending(name: string, bytes: Uint8Array, closes: readonly number[]): FrameCase {
  return { name, bytes, expected: { closes } };
}

function twice(random: SeededRandom): FrameCase {
  const frame = encodeFrame(encoder.encode(message(random)));
  return { name: "the same message twice", bytes: joined([frame, frame]), expected: { acks: 2 } };
}

function conflict(random: SeededRandom): FrameCase {
  const id = uuid(random);
  const frames = ["one", "another"].map((text) =>
    encodeFrame(encoder.encode(JSON.stringify({ id, message: text })))
  );
  const expected = { acks: 1, errors: ["id_conflict"] };
  return { name: "an id with another text", bytes: joined(frames), expected };
}

function severalLines(random: SeededRandom): FrameCase {
  const acks = random.whole(2, 12);
  const lines = Array.from({ length: acks }, () => message(random, 100));
  const content = lines.join(random.pick(["\n", "\n\n", " \n\t\n"]));
  return text("several lines", content, { acks });
}

function ping(random: SeededRandom): FrameCase {
  return text("a ping", random.pick(['{"type":"ping"}', '{"type":"ping","x":[]}']), { pongs: 1 });
}

/** Pings and pongs of the protocol itself, between the fragments of a message. */
function controlFrames(random: SeededRandom): FrameCase {
  const bytes = encoder.encode(message(random, 300));
  const middle = random.whole(1, bytes.length - 1);
  const parts = [
    encodeFrame(bytes.subarray(0, middle), { fin: false }),
    encodeFrame(noise(random, random.whole(0, 125)), { opcode: random.pick([9, 10]) }),
    encodeFrame(bytes.subarray(middle), { opcode: 0 }),
  ];
  return { name: "control frames between fragments", bytes: joined(parts), expected: { acks: 1 } };
}

function invalidField(random: SeededRandom): FrameCase {
  const field = random.pick<Record<string, unknown>>([
    { message: random.pick([null, 5, {}, [], true]) },
    { id: random.pick([null, 5, "", "no-uuid", "x".repeat(5_000), {}]) },
    { reply_to: random.pick([0, -1, 1.5, "1", null, 1e300, []]) },
  ]);
  const content = JSON.stringify({ ...JSON.parse(message(random, 50)), ...field });
  return text("an invalid field", content, { errors: ["invalid"] });
}

function invalidText(random: SeededRandom): FrameCase {
  const [code, value] = random.pick<[string, string]>([
    ["message_empty", '""'],
    ["message_empty", `"${" ".repeat(100)}\\n\\t\\u00a0"`],
    ["message_too_long", `"${"x".repeat(8_001)}"`],
    ["message_too_long", `"${"😀".repeat(8_001)}"`],
    ["message_ill_formed", '"\\ud800"'],
    ["message_ill_formed", '"\\udc00\\ud800"'],
    ["message_ill_formed", '"a\\u0000b"'],
  ]);
  return text(`a text: ${code}`, `{"id":"${uuid(random)}","message":${value}}`, { errors: [code] });
}

/** A message with some bytes changed, added or left out. */
function mutated(random: SeededRandom): FrameCase {
  const bytes = [...encoder.encode(message(random, 60))];
  for (let n = random.whole(1, 5); n > 0; n--) {
    const at = random.whole(0, bytes.length - 1);
    // Never a line feed: each line would be an object of its own.
    const byte = random.whole(11, 255);
    bytes.splice(at, random.whole(0, 2), ...random.pick([[], [byte], [byte]]));
  }
  return {
    name: "a changed message",
    bytes: encodeFrame(new Uint8Array(bytes)),
    expected: { any: true },
  };
}

const TEXTS = [
  "hello ",
  "안녕하세요 ",
  "😀",
  "e\u0301",
  "\u202eabc",
  "ﷺ",
  "\\",
  '"',
  "<b>",
  "\u2028",
];

/** @param most its code points; by default few, and rarely as many as may be */
function message(
  random: SeededRandom,
  most = random.next() < 0.01 ? 8_000 : 400,
  more: Record<string, unknown> = {},
): string {
  const piece = random.pick(TEXTS);
  const length = random.whole(1, most);
  const body = [..."a" + piece.repeat(Math.ceil(length / piece.length))].slice(0, length).join("");
  return JSON.stringify({ type: "message", id: uuid(random), message: body, ...more });
}

function uuid(random: SeededRandom): string {
  const hex = () => random.whole(0, 15).toString(16);
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replaceAll("x", hex);
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let n = 0; n < Math.min(depth, 3_000); n++) value = [value];
  return value;
}

function padded(content: string, bytes: number): string {
  const pad = bytes - encoder.encode(content).length - ',"pad":""'.length;
  return `${content.slice(0, -1)},"pad":"${"x".repeat(pad)}"}`;
}

/** A message cut anywhere, also within a character. */
function fragments(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + random.whole(1, 200));
    parts.push(
      encodeFrame(bytes.subarray(at, end), { opcode: at === 0 ? 1 : 0, fin: end === bytes.length }),
    );
    at = end;
  }
  return joined(parts);
}

function singleBytes(bytes: Uint8Array): Uint8Array {
  return joined(
    Array.from(bytes, (_, at) =>
      encodeFrame(bytes.subarray(at, at + 1), {
        opcode: at === 0 ? 1 : 0,
        fin: at === bytes.length - 1,
      })),
  );
}

function noise(random: SeededRandom, length: number): Uint8Array {
  // Without line feeds: each line would be an object of its own.
  return Uint8Array.from({ length }, () => random.whole(11, 265) & 0xff || 1);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
