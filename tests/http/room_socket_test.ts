import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { RoomClient } from "../support/room_client.ts";
import { startServer } from "../support/server.ts";

Deno.test("two people on two instances hear each other in one order", async () => {
  await using db = await createTestDatabase();
  await using one = await startServer(db.url);
  await using two = await startServer(db.url);
  await using ann = await RoomClient.open(one.wsOrigin, "lobby");
  await using ben = await RoomClient.open(two.wsOrigin, "lobby");
  for (let i = 0; i < 20; i++) (i % 2 === 0 ? ann : ben).say(`line ${i}`);
  await ann.until(() => ann.messages.length === 20);
  await ben.until(() => ben.messages.length === 20);
  assert.deepEqual(ann.messages, ben.messages);
  assert.deepEqual(ann.messages.map((m) => m.seq), [...Array(20).keys()].map((i) => i + 1));
  const own = ann.frames.filter((frame) => frame.type === "ack").map((ack) => ack.seq);
  assert.deepEqual(own, own.toSorted((a, b) => a - b), "what one socket sends keeps its order");
});

Deno.test("the page of the Channels tutorial works as it is", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using plain = await RoomClient.open(server.wsOrigin, "lobby", { joined: false });
  plain.send({ message: "hi" });
  plain.send({ message: "there" });
  await plain.until(() => plain.frames.length === 2);
  assert.deepEqual(plain.frames.map((frame) => [frame.type, frame.message]), [
    ["message", "hi"],
    ["message", "there"],
  ]);
  assert.equal(plain.rawFrames, 2, "one object a frame");
  assert.equal(plain.ws.protocol, "");
});

Deno.test("a socket without maru.v1 gets no changes, one with it does", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using plain = await RoomClient.open(server.wsOrigin, "lobby", { joined: false });
  await using joined = await RoomClient.open(server.wsOrigin, "lobby");
  const { seq } = await joined.ask("typo");
  await db.sql`
    select append_change(r.id, gen_random_uuid(), ${seq}, 'edit', gen_random_uuid(), 'mended')
    from rooms r`;
  await joined.ask("after");
  const changed = await joined.next((frame) => frame.type === "changed");
  assert.deepEqual([changed.kind, changed.message, changed.seq, changed.version], [
    "edit",
    "mended",
    seq,
    changed.position,
  ]);
  await plain.until(() => plain.messages.length === 2);
  assert.deepEqual(plain.frames.map((frame) => frame.type), ["message", "message"]);
});

Deno.test("a client that comes back gets what it missed, once, and then what is new", async () => {
  await using db = await createTestDatabase();
  await using one = await startServer(db.url);
  await using two = await startServer(db.url);
  await using ann = await RoomClient.open(one.wsOrigin, "lobby");
  const { position } = await ann.ask("seen");
  for (let i = 0; i < 30; i++) ann.say(`missed ${i}`);
  await ann.until(() => ann.messages.length === 31);
  const query = `?after=${position}&epoch=${ann.welcome.epoch}`;
  await using back = await RoomClient.open(two.wsOrigin, "lobby", { query });
  ann.say("new");
  await back.until(() => back.messages.length === 31);
  assert.deepEqual(back.messages.map((m) => m.seq), [...Array(31).keys()].map((i) => i + 2));
});

Deno.test("a position that means nothing is answered with reset", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using ann = await RoomClient.open(server.wsOrigin, "lobby");
  const { epoch } = ann.welcome;
  await ann.ask("one");
  const reasonOf = async (query: string) => {
    await using client = await RoomClient.open(server.wsOrigin, "lobby", { query });
    return (await client.next((frame) => frame.type === "reset")).reason;
  };
  assert.equal(await reasonOf(`?after=2&epoch=${epoch}`), "ahead");
  assert.equal(await reasonOf(`?after=0&epoch=another`), "epoch");
  await db.sql`update rooms set first_position = 2, first_seq = 2`;
  await ann.ask("two");
  assert.equal(await reasonOf(`?after=0&epoch=${epoch}`), "retention");
  const items = Array.from({ length: 501 }, () => ({
    room_id: 1,
    id: crypto.randomUUID(),
    sender_id: crypto.randomUUID(),
    sender_name: "Bot",
    body: "x",
  }));
  await db.sql`
    select from append_messages((
      select json_agg(i || jsonb_build_object('room_id', r.id))
      from rooms r, jsonb_array_elements(${JSON.stringify(items)}::text::jsonb) i))`;
  assert.equal(await reasonOf(`?after=1&epoch=${epoch}`), "behind");
});

Deno.test("a resume with half a position is refused before the upgrade", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  for (const query of ["?after=-1&epoch=x", "?after=x&epoch=x", "?after=1", "?after=1e3&epoch=x"]) {
    await assert.rejects(RoomClient.open(server.wsOrigin, "lobby", { query }), /status 400/, query);
  }
});

const BAD_FRAMES: [name: string, frame: string | Uint8Array, close: number][] = [
  ["no JSON", "{", 4400],
  ["an empty frame", "", 4400],
  ["a JSON array", "[]", 4400],
  ["a JSON null", "null", 4400],
  ["a frame of unknown type", '{"type": "dance"}', 4400],
  ["a type that is no string", '{"type": 1}', 4400],
  ["a binary frame", new Uint8Array([1, 2, 3]), 4400],
  ["a frame over 64 KiB", "x".repeat(64 * 1024 + 1), 4413],
];

for (const [name, frame, close] of BAD_FRAMES) {
  Deno.test(`${name} is told in an error frame and closed with ${close}`, async () => {
    await using db = await createTestDatabase();
    await using server = await startServer(db.url);
    await using other = await RoomClient.open(server.wsOrigin, "lobby");
    await using client = await RoomClient.open(server.wsOrigin, "lobby");
    client.ws.send(frame);
    assert.equal((await client.closed).code, close);
    assert.equal(client.frames.at(-1).type, "error");
    assert.equal((await other.ask("undisturbed")).type, "ack");
  });
}

Deno.test("endless fragments are cut off before they fill the memory", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  for (let i = 0; i < 64; i++) client.ws.send("x".repeat(16 * 1024), { fin: false });
  assert.equal((await client.closed).code, 1009);
});

const BAD_MESSAGES: [name: string, frame: Record<string, unknown>, code: string][] = [
  ["an empty message", { message: "" }, "message_empty"],
  ["only white space", { message: " \n\t\u3000 " }, "message_empty"],
  ["a message of 8,001 code points", { message: "가".repeat(8_001) }, "message_too_long"],
  ["a NUL", { message: "a\0b" }, "message_ill_formed"],
  ["a lone surrogate", { message: "a\ud800b" }, "message_ill_formed"],
  ["a message that is no string", { message: 1 }, "invalid"],
  ["no message", {}, "invalid"],
  ["an id that is no UUID", { id: "12", message: "x" }, "invalid"],
  ["an answer to nothing", { message: "x", reply_to: 99 }, "no_such_reply"],
  ["an answer to no number", { message: "x", reply_to: "1" }, "invalid"],
];

Deno.test("a bad message gets its error, and the socket goes on", async (t) => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  for (const [name, frame, code] of BAD_MESSAGES) {
    await t.step(name, async () => {
      const from = client.frames.length;
      const id = (frame["id"] ?? crypto.randomUUID()) as string;
      client.send(JSON.stringify({ id, ...frame }));
      const error = await client.next((got) => got.type === "error", from);
      assert.deepEqual([error.code, error.id, error.retry], [code, id, false]);
      assert.notEqual(error.message, "");
    });
  }
  assert.equal((await client.ask("가".repeat(8_000))).type, "ack", "8,000 code points pass");
  assert.equal((await client.ask("👩‍👩‍👧".repeat(1_600))).type, "ack", "code points, not code units");
});

Deno.test("the same id is acked with the same numbers, and refused with another text", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using ann = await RoomClient.open(server.wsOrigin, "lobby");
  await using ben = await RoomClient.open(server.wsOrigin, "lobby");
  const id = crypto.randomUUID();
  const first = await ann.ask("hello", id);
  assert.deepEqual(await ann.ask("hello", id), first);
  ann.say("hello", id.toUpperCase());
  await ann.until(() => ann.frames.filter((frame) => frame.type === "ack").length === 3);
  assert.equal((await ann.ask("other", id)).code, "id_conflict");
  assert.equal((await ben.ask("hello", id)).code, "id_conflict", "another sender");
  await ben.ask("last");
  assert.deepEqual(ben.messages.map((m) => m.message), ["hello", "last"]);
});

Deno.test("who sends too fast waits, and the order holds", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url, { MESSAGE_RATE: "1000", MESSAGE_BURST: "2" });
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  const ids = Array.from({ length: 6 }, () => crypto.randomUUID());
  client.send(ids.map((id, i) => JSON.stringify({ id, message: `${i}` })).join("\n"));
  await client.until(() => client.frames.length >= 7);
  const codes = client.frames.filter((f) => f.type === "error").map((f) => f.code);
  assert.equal(codes[0], "rate_limited");
  assert.ok(
    codes.length >= 2 && codes.slice(1).every((code) => code === "out_of_order"),
    `${codes}`,
  );
  const refused = client.frames.filter((f) => f.type === "error").map((f) => f.id);
  assert.ok(client.frames.find((f) => f.code === "rate_limited").retry_after > 0);
  for (const id of refused) {
    let answer = await client.ask(String(ids.indexOf(id)), id);
    while (answer.code === "rate_limited") answer = await client.ask(String(ids.indexOf(id)), id);
    assert.equal(answer.type, "ack");
  }
  await client.until(() => client.messages.length === 6);
  assert.deepEqual(client.messages.map((m) => m.message), ["0", "1", "2", "3", "4", "5"]);
});

Deno.test("room names: two spellings of one name are one room, bad names are refused", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using nfc = await RoomClient.open(server.wsOrigin, "마루-Café".normalize("NFC"));
  await using nfd = await RoomClient.open(server.wsOrigin, "마루-CAFÉ".normalize("NFD"));
  await nfc.ask("one room");
  await nfd.until(() => nfd.messages.length === 1);
  await using long = await RoomClient.open(server.wsOrigin, "ㅁ".repeat(100));
  assert.equal([...long.welcome.room.name].length, 100);
  for (const name of ["ㅁ".repeat(101), "a/b", "a b", "..", "a\u0001", "a\u202eb", "<b>"]) {
    await assert.rejects(RoomClient.open(server.wsOrigin, name), /status 40[04]/, name);
  }
});

Deno.test("a page from elsewhere may not open a socket, the own page and programs may", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const open = (origin: string) =>
    RoomClient.open(server.wsOrigin, "lobby", { headers: { Origin: origin } });
  await assert.rejects(open("https://evil.example"), /status 403/);
  await assert.rejects(open("null"), /status 403/);
  await using own = await open(server.origin);
  assert.ok(own.welcome);
  await using strict = await startServer(db.url, { ALLOWED_ORIGINS: "https://chat.example.org" });
  await assert.rejects(
    RoomClient.open(strict.wsOrigin, "lobby", { headers: { Origin: strict.origin } }),
    /status 403/,
  );
  await using allowed = await RoomClient.open(strict.wsOrigin, "lobby", {
    headers: { Origin: "https://chat.example.org" },
  });
  assert.ok(allowed.welcome);
});

Deno.test("a stranger is told 4401 where guests are denied, 4404 where there is no room", async () => {
  await using db = await createTestDatabase();
  await using denying = await startServer(db.url, { GUESTS: "deny", ROOM_CREATION: "members" });
  await db.sql`insert into rooms (name, key) values ('lobby', 'lobby')`;
  await using stranger = await RoomClient.open(denying.wsOrigin, "lobby");
  assert.equal((await stranger.closed).code, 4401);
  assert.equal(stranger.frames.at(-1).code, "not_signed_in");
  const [count] = await db.sql`select count(*) from users`;
  assert.equal(count!["count"], 0, "nobody was made for a stranger");
  await using closed = await startServer(db.url, { ROOM_CREATION: "members" });
  await using lost = await RoomClient.open(closed.wsOrigin, "nowhere");
  assert.equal((await lost.closed).code, 4404);
});

Deno.test("a right withdrawn in psql ends open sockets at once, and stores nothing more", async () => {
  await using db = await createTestDatabase();
  await using one = await startServer(db.url);
  await using two = await startServer(db.url);
  await using ann = await RoomClient.open(one.wsOrigin, "lobby");
  await using ben = await RoomClient.open(two.wsOrigin, "lobby");
  await ann.ask("before");
  await db.sql`
    insert into members (room_id, user_id, role) select id, ${ann.welcome.you.id}, 'banned' from rooms
    on conflict (room_id, user_id) do update set role = 'banned'`;
  assert.deepEqual(await ann.closed, { code: 4403, reason: "not_allowed" });
  assert.equal((await ben.ask("still here")).type, "ack");
  await db.sql`update rooms set is_private = true`;
  assert.equal((await ben.closed).code, 4401);
});

Deno.test("a room deleted while it talks closes its sockets with 4404", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using ann = await RoomClient.open(server.wsOrigin, "lobby");
  await ann.ask("soon gone");
  await db.sql`delete from rooms`;
  assert.equal((await ann.closed).code, 4404);
  await using again = await RoomClient.open(server.wsOrigin, "lobby");
  assert.equal(again.welcome.position, 0, "a new room, not the old one");
  assert.notEqual(again.welcome.epoch, ann.welcome.epoch);
});

Deno.test("ping is answered, and stopping tells every socket to come back", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  client.send({ type: "ping" });
  await client.next((frame) => frame.type === "pong");
  await server.stop();
  assert.equal((await client.closed).code, 4501);
  assert.equal(client.frames.at(-1).code, "going_away");
});

Deno.test("a message that psql appends is found by the sweep", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await db.sql`
    select from append_messages((
      select json_build_array(json_build_object('room_id', id, 'id', gen_random_uuid(),
        'sender_id', gen_random_uuid(), 'sender_name', 'psql', 'body', 'from SQL')) from rooms))`;
  await client.until(() => client.messages.length === 1);
  assert.equal(client.messages[0].sender.name, "psql");
});

Deno.test("after the database went back to an earlier state everybody is told reset", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  for (let i = 0; i < 3; i++) await client.ask(`${i}`);
  // What an old copy of the data looks like from the outside.
  await db.sql`delete from messages where seq > 1`;
  await db.sql`update rooms set last_seq = 1, last_position = 1`;
  const reset = await client.next((frame) => frame.type === "reset");
  assert.deepEqual([reset.reason, reset.position], ["epoch", 1]);
  assert.notEqual(reset.epoch, client.welcome.epoch);
  const { seq, position } = await client.ask("goes on");
  assert.deepEqual([seq, position], [2, 2]);
  await client.next((frame) => frame.type === "message" && frame.message === "goes on");
});

Deno.test("a reset does not let what was sent later past a refused message", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url, { MESSAGE_RATE: "0.01", MESSAGE_BURST: "1" });
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  await using other = await RoomClient.open(server.wsOrigin, "lobby");
  assert.equal((await client.ask("stored")).type, "ack");
  const refused = crypto.randomUUID();
  assert.equal((await client.ask("refused", refused)).code, "rate_limited");
  await db.sql`select begin_new_history(log_history())`;
  // Whoever enters now makes the instance look.
  await using _third = await RoomClient.open(server.wsOrigin, "lobby");
  await other.until(() => other.frames.some((frame) => frame.type === "reset"));
  assert.equal((await client.closed).code, 4510);
  assert.ok(!client.frames.some((frame) => frame.type === "reset"), "it is told when it is back");
  assert.equal(client.frames.at(-1).code, "database_unavailable");
  const { epoch, position } = client.welcome;
  const query = `?after=${position}&epoch=${epoch}`;
  await using again = await RoomClient.open(server.wsOrigin, "lobby", { query });
  await again.until(() => again.frames.some((frame) => frame.type === "reset"));
});

Deno.test("what comes after a reset is sent after it, to busy sockets, too", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using client = await RoomClient.open(server.wsOrigin, "lobby");
  const talking = setInterval(() => client.say("again"), 2);
  try {
    for (let resets = 1; resets <= 10; resets++) {
      await client.until(() => client.messages.length > resets * 10);
      await db.sql`select begin_new_history(log_history())`;
      // Whoever enters now makes the instance look.
      await using _other = await RoomClient.open(server.wsOrigin, "lobby");
      await client.until(() =>
        client.frames.filter((frame) => frame.type === "reset").length >= resets
      );
    }
  } finally {
    clearInterval(talking);
  }
  let position = client.welcome.position;
  for (const frame of client.frames) {
    if (frame.type === "message") assert.equal(frame.position, position + 1);
    if (frame.type === "message" || frame.type === "reset") position = frame.position;
  }
});
