import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { Accounts } from "../../src/accounts/mod.ts";
import { Pool } from "../../src/db/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

Deno.test("a guest's token is signed with the whole key, however the database writes bytes", async () => {
  await using db = await createTestDatabase();
  const [key] = await db.sql`select encode(secret, 'hex') as secret from server_keys`;
  for (const output of ["hex", "escape"]) {
    await setBytesOutput(db, output);
    await using readers = new Pool(db.url, { name: "maru-reader" });
    const accounts = new Accounts({ readers });
    const guest = await accounts.createGuest("en");
    const token = await accounts.issueToken(guest);
    const signature = createHmac("sha256", Buffer.from(key!["secret"], "hex"))
      .update(`guest:${guest.id}`).digest("base64url");
    assert.equal(token, `${guest.id}.${signature}`, output);
    assert.deepEqual(await accounts.identify(token), guest);
  }
});

/** For connections that are opened from now on. */
async function setBytesOutput(db: TestDatabase, output: string): Promise<void> {
  const [row] = await db.sql`select current_database() as name`;
  await db.sql.unsafe(`alter database ${row!["name"]} set bytea_output = '${output}'`);
}
