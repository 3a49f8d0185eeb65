import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { PAYLOAD_MAX_BYTES, Seal, SEALED_MAX_BYTES } from "../../src/channels/postgres/seal.ts";
import { ServerClock } from "../../src/channels/postgres/server_clock.ts";

const KEY = { id: 7, secret: new Uint8Array(32).fill(1) };

function seal(instance: string): Seal {
  const made = new Seal(instance.repeat(16), new ServerClock());
  made.setKeys([KEY]);
  return made;
}

function opened(by: Seal, payload: string): Uint8Array {
  const result = by.open(payload);
  assert.ok(typeof result === "object", `${result}`);
  return result.bytes;
}

Deno.test("payloads of every size open as they were sealed, and stay so when others are", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  const sizes = Array.from({ length: 200 }, (_, i) => [i, SEALED_MAX_BYTES - i]).flat();
  const contents = sizes.map((size) => randomBytes(size));
  const payloads = contents.map((bytes) => ann.seal(bytes));
  const found = payloads.map((payload) => opened(ben, payload));
  for (const [i, bytes] of contents.entries()) {
    assert.ok(bytes.equals(found[i]!), `${bytes.length} bytes`);
    assert.ok(payloads[i]!.length <= PAYLOAD_MAX_BYTES);
  }
});

Deno.test("sealing between two openings changes neither", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  const first = opened(ben, ann.seal(Buffer.from("first")));
  const own = ben.seal(Buffer.from("between"));
  const second = opened(ben, ann.seal(Buffer.from("second")));
  assert.deepEqual([first, second, opened(ann, own)].map(String), ["first", "second", "between"]);
  assert.equal(ben.open(own), "own");
});

Deno.test("a payload that was changed, cut or lengthened does not open", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  const payload = Buffer.from(ann.seal(Buffer.from("genuine")), "base64");
  for (let at = 0; at < payload.length; at++) {
    const changed = Buffer.from(payload);
    changed[at]! ^= 1;
    assert.equal(typeof ben.open(changed.toString("base64")), "string", `byte ${at}`);
    assert.equal(ben.open(payload.toString("base64", 0, at)), "forged", `${at} bytes`);
  }
  const long = Buffer.concat([payload, payload, Buffer.alloc(PAYLOAD_MAX_BYTES)]);
  assert.equal(ben.open(long.toString("base64")), "forged");
  assert.equal(String(opened(ben, payload.toString("base64"))), "genuine");
});

Deno.test("another way to write the same payload opens, and an own one is known in it", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  const payload = ann.seal(Buffer.from("genuine"));
  const other = ` ${payload}`;
  assert.equal(String(opened(ben, other)), "genuine");
  assert.equal(ann.open(other), "own");
});

Deno.test("new keys open what is sealed with them, and what is sealed with those kept", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  const old = ann.seal(Buffer.from("old"));
  opened(ben, old);
  const renewed = { id: 8, secret: new Uint8Array(32).fill(2) };
  ann.setKeys([KEY, renewed]);
  const fresh = ann.seal(Buffer.from("fresh"));
  assert.equal(ben.open(fresh), "unknown key");
  ben.setKeys([KEY, renewed]);
  assert.deepEqual([old, fresh].map((payload) => String(opened(ben, payload))), ["old", "fresh"]);
  ben.setKeys([renewed]);
  assert.equal(ben.open(old), "unknown key");
});

Deno.test("a secret that is too short is refused, and what was in use stays", () => {
  const [ann, ben] = [seal("aa"), seal("bb")];
  for (const length of [0, 1, 31]) {
    const short = { id: 8, secret: new Uint8Array(length) };
    assert.throws(
      () => ann.setKeys([KEY, short]),
      new RegExp(`^RangeError: Cannot seal with key 8 .* ${length} bytes`),
    );
  }
  assert.equal(String(opened(ben, ann.seal(Buffer.from("genuine")))), "genuine");
  const fresh = new Seal("cc".repeat(16), new ServerClock());
  assert.throws(() => fresh.setKeys([{ id: 8, secret: new Uint8Array(0) }]), RangeError);
  assert.equal(fresh.ready, false);
});

Deno.test("numbers grow, also when the server's clock is put back", () => {
  const clock = new ServerClock();
  const ann = new Seal("aa".repeat(16), clock);
  ann.setKeys([KEY]);
  const ben = seal("bb");
  const numbers = [0, 60_000, -120_000, -119_999, 300_000].map((step) => {
    clock.set(1_800_000_000_000 + step);
    const result = ben.open(ann.seal(Buffer.from("x")));
    assert.ok(typeof result === "object");
    return result.number;
  });
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  assert.equal(new Set(numbers).size, numbers.length);
});

Deno.test("new keys tell whether there is one more, or that the one in use is gone", () => {
  const ann = new Seal("aa".repeat(16), new ServerClock());
  const key = (id: number) => ({ id, secret: KEY.secret });
  assert.equal(ann.setKeys([key(7)]), "none", "the first");
  assert.equal(ann.setKeys([key(7)]), "none");
  assert.equal(ann.setKeys([key(8), key(7)]), "added");
  assert.equal(ann.setKeys([key(8)]), "none", "an old one is gone");
  assert.equal(ann.setKeys([key(9)]), "replaced");
  assert.equal(ann.setKeys([]), "none");
  assert.equal(ann.ready, false);
  assert.equal(ann.setKeys([key(9)]), "added", "nothing opened meanwhile");
  assert.equal(ann.setKeys([]), "none");
  assert.equal(ann.setKeys([key(10)]), "replaced");
  assert.equal(ann.ready, true);
});

Deno.test("what instances of another version seal by the same layout opens", () => {
  const header = Buffer.alloc(29);
  header[0] = 2;
  header.writeUInt32BE(KEY.id, 1);
  header.fill(0xaa, 5, 21);
  header.writeDoubleBE(1_800_000_000_000_000, 21);
  const key = createHmac("sha256", KEY.secret)
    .update("maru bus ").update(header.toString("hex", 1, 21)).digest();
  const nonce = Buffer.concat([Buffer.alloc(4), header.subarray(21)]);
  const text = Buffer.from("from another version");
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(header, { plaintextLength: text.length });
  const sealed = Buffer.concat([header, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  assert.deepEqual(seal("bb").open(sealed.toString("base64")), {
    from: "aa".repeat(16),
    number: 1_800_000_000_000_000,
    bytes: text,
  });
});
