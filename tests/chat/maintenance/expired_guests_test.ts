import assert from "node:assert/strict";
import { Accounts } from "../../../src/accounts/mod.ts";
import { expiredGuestsTask } from "../../../src/chat/maintenance/expired_guests.ts";
import { Pool } from "../../../src/db/pool.ts";
import { createTestDatabase } from "../../support/database.ts";
import { RoomClient } from "../../support/room_client.ts";
import { startServer } from "../../support/server.ts";
import { doTask, poolsOf } from "./do_task.ts";

Deno.test("guests who said nothing and were not seen for long are removed, all others stay", async () => {
  await using db = await createTestDatabase();
  await db.sql`
    insert into users (name, is_guest, seen_at) values
      ('Long gone', true, now() - interval '91 days'),
      ('Longer gone', true, now() - interval '900 days'),
      ('Seen lately', true, now() - interval '89 days'),
      ('Speaker', true, now() - interval '900 days'),
      ('Owner', true, now() - interval '900 days'),
      ('Member', false, now() - interval '900 days')`;
  await db.sql`insert into rooms (name, key) values ('lobby', 'lobby')`;
  await db.sql`
    insert into members (room_id, user_id, role)
    select r.id, u.id, 'owner' from rooms r, users u where u.name = 'Owner'`;
  await db.sql`
    select from append_messages((
      select json_build_array(json_build_object('room_id', r.id, 'id', gen_random_uuid(),
        'sender_id', u.id, 'sender_name', u.name, 'body', 'hello'))
      from rooms r, users u where u.name = 'Speaker'))`;
  const task = expiredGuestsTask(poolsOf(db));
  assert.deepEqual(await doTask(db, task, { days: 90 }), { removed: 2 });
  const left = await db.sql`select name from users order by name`;
  assert.deepEqual(left.map(({ name }) => name), ["Member", "Owner", "Seen lately", "Speaker"]);
  assert.deepEqual(await doTask(db, task, { days: 90 }), { removed: 0 });
});

Deno.test("a guest who is removed comes back as another one; who has spoken is known again", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const cookieOf = async () => {
    const response = await fetch(`${server.origin}/api/me`);
    const { id } = await response.json();
    return { id, cookie: response.headers.get("set-cookie")!.split(";")[0]! };
  };
  const [silent, speaker] = [await cookieOf(), await cookieOf()];
  {
    const headers = { cookie: speaker.cookie };
    await using client = await RoomClient.open(server.wsOrigin, "lobby", { headers });
    await client.ask("I was here");
  }
  await db.sql`delete from members`;
  await db.sql`update users set seen_at = now() - interval '91 days'`;
  const task = expiredGuestsTask(poolsOf(db));
  assert.deepEqual(await doTask(db, task, { days: 90 }), { removed: 1 });
  const idOf = async (cookie: string) =>
    (await (await fetch(`${server.origin}/api/me`, { headers: { cookie } })).json()).id;
  assert.notEqual(await idOf(silent.cookie), silent.id);
  assert.equal(await idOf(speaker.cookie), speaker.id);
  const [said] = await db.sql`select sender, message from chat_history`;
  assert.equal(said!["message"], "I was here");
});

Deno.test("being known again is noted once a day", async () => {
  await using db = await createTestDatabase();
  await using readers = new Pool(db.url, { name: "maru-test" });
  const accounts = new Accounts({ readers });
  const token = await accounts.issueToken(await accounts.createGuest("en"));
  const hoursAgo = async () => {
    const [row] = await db.sql<{ hours: number }[]>`
      select round(extract(epoch from now() - seen_at) / 3600)::int as hours from users`;
    return row!.hours;
  };
  for (const [seen, after] of [[23, 23], [25, 0]] as const) {
    await db.sql`update users set seen_at = now() - make_interval(hours => ${seen})`;
    await accounts.identify(token);
    assert.equal(await hoursAgo(), after);
  }
});
