import { FRAME_MAX_BYTES } from "../../src/protocol/codes.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import type { Expected, FrameCase, Make } from "./frame_case.ts";
import { encodeFrame, fragments, joined, noise, singleBytes, textFrame } from "./framing.ts";
import { message, nested, padded } from "./message_text.ts";

/** A case after which the socket goes on: right, or wrong in a way that is answered. */
export function ongoingCase(random: SeededRandom): FrameCase {
  return random.pick(CASES)(random);
}

// 16,384 fragments are allowed.
const MANY_BYTES = 3_500;
const MANY_SHARE = 0.05;

const CASES: readonly Make[] = [
  (random) => valid("a message", message(random)),
  (random) => valid("a message", message(random)),
  (random) => valid("unknown fields", message(random, 100, { more: nested(random) })),
  (random) => valid("a name of the prototype's", message(random, 50, { ["__proto__"]: { x: 1 } })),
  (random) => valid("white space around", `  ${message(random)}\t `),
  (random) => valid("a frame of just the limit", padded(message(random, 100), FRAME_MAX_BYTES)),
  upperCaseId,
  inFragments,
  inSingleBytes,
  controlFrames,
  twice,
  severalLines,
  ping,
  invalidField,
  invalidText,
  conflict,
  replyToNothing,
];

function text(name: string, content: string, expected: Expected): FrameCase {
  return { name, bytes: textFrame(content), expected };
}

function valid(name: string, content: string): FrameCase {
  return text(name, content, { acks: 1 });
}

function upperCaseId(random: SeededRandom): FrameCase {
  const content = message(random).replace(/(?<="id":)"[^"]+"/, (id) => id.toUpperCase());
  return valid("an id in upper case", content);
}

function inFragments(random: SeededRandom): FrameCase {
  const bytes = fragments(message(random), random);
  return { name: "a message in fragments", bytes, expected: { acks: 1 } };
}

function inSingleBytes(random: SeededRandom): FrameCase {
  const bytes = singleBytes(message(random, random.next() < MANY_SHARE ? MANY_BYTES : 50));
  return { name: "a message in single bytes", bytes, expected: { acks: 1 } };
}

/** Pings and pongs of the protocol itself, between the fragments of a message. */
function controlFrames(random: SeededRandom): FrameCase {
  const bytes = new TextEncoder().encode(message(random, 300));
  const middle = random.whole(1, bytes.length - 1);
  const parts = [
    encodeFrame(bytes.subarray(0, middle), { fin: false }),
    encodeFrame(noise(random, random.whole(0, 125)), { opcode: random.pick([9, 10]) }),
    encodeFrame(bytes.subarray(middle), { opcode: 0 }),
  ];
  return { name: "control frames between fragments", bytes: joined(parts), expected: { acks: 1 } };
}

function twice(random: SeededRandom): FrameCase {
  const frame = textFrame(message(random));
  return { name: "the same message twice", bytes: joined([frame, frame]), expected: { acks: 2 } };
}

function severalLines(random: SeededRandom): FrameCase {
  const acks = random.whole(2, 12);
  const lines = Array.from({ length: acks }, () => message(random, 100));
  return text("several lines", lines.join(random.pick(["\n", "\n\n", " \n\t\n"])), { acks });
}

function ping(random: SeededRandom): FrameCase {
  return text("a ping", random.pick(['{"type":"ping"}', '{"type":"ping","x":[]}']), { pongs: 1 });
}

function invalidField(random: SeededRandom): FrameCase {
  const field = random.pick<Record<string, unknown>>([
    { message: random.pick([null, 5, {}, [], true]) },
    { id: random.pick([null, 5, "", "no-uuid", "x".repeat(5_000), {}]) },
    { reply_to: random.pick([0, -1, 1.5, "1", null, 1e300, []]) },
  ]);
  return text("an invalid field", message(random, 50, field), { errors: ["invalid"] });
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
  return text(`a text: ${code}`, `{"id":"${random.uuid()}","message":${value}}`, {
    errors: [code],
  });
}

function conflict(random: SeededRandom): FrameCase {
  const id = random.uuid();
  const frames = ["one", "another"].map((message) => textFrame(JSON.stringify({ id, message })));
  const expected = { acks: 1, errors: ["id_conflict"] };
  return { name: "an id with another text", bytes: joined(frames), expected };
}

function replyToNothing(random: SeededRandom): FrameCase {
  const content = message(random, 50, { reply_to: Number.MAX_SAFE_INTEGER });
  return text("a reply to nothing", content, { errors: ["no_such_reply"] });
}
