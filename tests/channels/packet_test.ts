import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  overflowPacket,
  pack,
  type Packet,
  type Publication,
  recordOverhead,
  Unpacker,
} from "../../src/channels/postgres/packet.ts";

const LIMIT = 100;
const TOPIC = "topic";

function publication(size: number, to?: string, topic = TOPIC): Publication {
  return { topic, bytes: randomBytes(size), to };
}

/** What an instance hears of packets: those for all and its own, or all. */
function unpack(packets: readonly Packet[], instance?: string): [string, string][] {
  const unpacker = new Unpacker();
  const heard: [string, string][] = [];
  for (const { bytes, to } of packets) {
    if (to !== undefined && instance !== undefined && to !== instance) continue;
    unpacker.unpack(bytes, {
      deliver: (topic, found) => heard.push([topic, Buffer.from(found).toString("hex")]),
      overflow: () => heard.push(["overflow", ""]),
    });
  }
  return heard;
}

function sent(publications: readonly Publication[]): [string, string][] {
  return publications.map(({ topic, bytes }) => [topic, Buffer.from(bytes).toString("hex")]);
}

Deno.test("publications of every size around the limits are packed and found again", () => {
  const room = LIMIT - recordOverhead(TOPIC);
  for (let size = 0; size <= 4 * room + 2; size++) {
    const publications = [publication(3), publication(size), publication(3), publication(size)];
    const packets = pack(publications, LIMIT);
    assert.ok(packets.every(({ bytes }) => bytes.length <= LIMIT), `${size} bytes`);
    assert.deepEqual(unpack(packets), sent(publications), `${size} bytes`);
    const count = packets.reduce((sum, packet) => sum + packet.publications, 0);
    assert.equal(count, publications.length, `${size} bytes`);
    assert.equal(packets.at(-1)!.continued, false);
  }
});

Deno.test("topics of one and of many letters share a packet", () => {
  const topics = ["a", "a", "b", "x".repeat(32), "a", ""];
  const publications = topics.map((topic) => publication(4, undefined, topic));
  const packets = pack(publications, 1_000);
  assert.equal(packets.length, 1);
  assert.deepEqual(unpack(packets), sent(publications));
});

Deno.test("the pieces of one publication stay together, whoever they are for", () => {
  const publications = [
    publication(10),
    publication(250, "ann"),
    publication(10, "ann"),
    publication(300),
    publication(250, "ben"),
    publication(10),
  ];
  const packets = pack(publications, LIMIT);
  for (const [i, { continued, to }] of packets.entries()) {
    if (continued) assert.equal(packets[i + 1]!.to, to);
  }
  const hearsOf = (name: string) => publications.filter(({ to }) => (to ?? name) === name);
  for (const name of ["ann", "ben", "cho"]) {
    assert.deepEqual(unpack(packets, name), sent(hearsOf(name)), name);
  }
});

Deno.test("a packet can say that publications were dropped", () => {
  const kept = [publication(10)];
  const heard = unpack([overflowPacket(), ...pack(kept, LIMIT)]);
  assert.deepEqual(heard, [["overflow", ""], ...sent(kept)]);
});

Deno.test("after a gap what was begun before it is not completed", () => {
  const [first, ...others] = pack([publication(250)], LIMIT);
  const unpacker = new Unpacker();
  const heard: Uint8Array[] = [];
  const handler = { deliver: (_: string, bytes: Uint8Array) => heard.push(bytes), overflow() {} };
  unpacker.unpack(first!.bytes, handler);
  unpacker.forget();
  const whole = publication(20);
  for (const { bytes } of pack([whole], LIMIT)) unpacker.unpack(bytes, handler);
  assert.deepEqual(heard, [whole.bytes]);
  assert.equal(others.length, 2);
});
