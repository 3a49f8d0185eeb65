import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decodeEvent, encodeEvent, type LayerEvent } from "../../src/channels/layer_event.ts";

function fields({ kind, channel, group, text }: LayerEvent) {
  return { kind, channel, group, text };
}

Deno.test("an event is what was encoded, in whatever bytes it comes", () => {
  const events = [
    { kind: "groupSend", channel: "", group: "room-1", text: '{"type":"마루\\n"}' },
    { kind: "send", channel: "specific.a!b", group: "", text: "{}" },
    { kind: "add", channel: "specific.a!b", group: "room-1", text: "" },
    { kind: "discard", channel: "specific.a!b", group: "room-1", text: "" },
    { kind: "wake", channel: "thumbnails", group: "", text: "" },
    { kind: "flush", channel: "", group: "", text: "" },
  ] as const;
  for (const { kind, ...told } of events) {
    const bytes = encodeEvent(kind, told);
    assert.deepEqual(fields(decodeEvent(bytes)!), { kind, ...told });
    assert.deepEqual(fields(decodeEvent(new Uint8Array(bytes))!), { kind, ...told });
    const within = Buffer.concat([Buffer.from("x y z\n"), bytes]).subarray(6);
    assert.deepEqual(fields(decodeEvent(within)!), { kind, ...told });
  }
});

Deno.test("an event of a kind that is not known here is none", () => {
  for (const text of ["x a b\n{}", "gg a b\n{}", "g", "", "\n", "g a b", " a b\n"]) {
    assert.equal(decodeEvent(Buffer.from(text)), null, JSON.stringify(text));
  }
});
