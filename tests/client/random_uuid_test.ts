import assert from "node:assert/strict";
import { randomUUID } from "../../src/client/random_uuid.ts";

const VERSION_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("ids are random UUIDs, also where the browser has no function for them", () => {
  const native = crypto.randomUUID;
  try {
    for (const available of [native, undefined]) {
      Object.defineProperty(crypto, "randomUUID", { value: available, configurable: true });
      const ids = Array.from({ length: 200 }, randomUUID);
      for (const id of ids) assert.match(id, VERSION_4);
      assert.equal(new Set(ids).size, ids.length);
    }
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: native, configurable: true });
  }
});
