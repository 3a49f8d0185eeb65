import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Seal } from "../../src/channels/postgres/seal.ts";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";
import { SIGNED_EVENT_TTL_MS, SignedEvents } from "../../src/channels/postgres/signed_events.ts";

const SECRET = new Uint8Array(32).fill(7);

function setUp() {
  const seal = new Seal("0".repeat(32), new ServerClock());
  seal.setKeys([{ id: 3, secret: SECRET }]);
  const clock = { now: 1_000_000_000 };
  return { clock, events: new SignedEvents(seal, () => clock.now) };
}

/** As `channels.publish_signed` makes it. */
function sign(piece: string, { sentAt = 1_000_000_000, index = 1, count = 1, key = 3 } = {}) {
  const head = `s ${key} ${crypto.randomUUID()} ${sentAt} ${index} ${count}`;
  const signature = createHmac("sha256", SECRET).update(`${head} ${piece}`).digest("hex");
  return `${head} ${signature} ${piece}`;
}

Deno.test("a signed event goes through once, within its time", () => {
  const { events, clock } = setUp();
  const event = sign('{"group": "마루"}');
  assert.deepEqual(events.open(event), { json: '{"group": "마루"}' });
  assert.equal(events.open(event), "forged", "a copy");
  const late = sign("{}");
  clock.now += SIGNED_EVENT_TTL_MS;
  assert.deepEqual(events.open(late), { json: "{}" }, "a transaction may last");
  clock.now++;
  assert.equal(events.open(sign("{}")), "forged", "older than any is");
  assert.equal(events.open(sign("{}", { sentAt: clock.now + SIGNED_EVENT_TTL_MS + 1 })), "forged");
});

Deno.test("a changed event, or one of another key, does not go through", () => {
  const { events } = setUp();
  assert.equal(events.open(sign("{}").replace("{}", "{ }")), "forged");
  assert.equal(events.open(sign("{}", { key: 4 })), "unknown key");
  assert.equal(events.open(sign("{}", { index: 2, count: 2 })), "incomplete");
});
