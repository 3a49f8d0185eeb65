import assert from "node:assert/strict";
import { createTestDatabase } from "../support/database.ts";
import { RoomClient } from "../support/room_client.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** A browser of one person: keeps the cookie. */
async function visitor(server: TestServer, language = "en") {
  const response = await fetch(`${server.origin}/api/me`, {
    headers: { "Accept-Language": language },
  });
  const me = await response.json();
  const cookie = response.headers.get("set-cookie")!.split(";")[0]!;
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${server.origin}${path}`, {
      method,
      headers: { cookie, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  return { me, cookie, call, setCookie: response.headers.get("set-cookie")! };
}

Deno.test("a guest is known again by a signed, HttpOnly, SameSite cookie, and can be renamed", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server, "ko-KR,ko;q=0.9");
  assert.match(ann.setCookie, /HttpOnly/);
  assert.match(ann.setCookie, /SameSite=Lax/);
  assert.match(ann.me.name, /\p{Script=Hangul}/u, "a name in the language of the browser");
  assert.equal((await ann.call("GET", "/api/me")).body.id, ann.me.id);
  await using socket = await RoomClient.open(server.wsOrigin, "lobby", {
    headers: { cookie: ann.cookie },
  });
  assert.equal(socket.welcome.you.id, ann.me.id);
  const renamed = await ann.call("PATCH", "/api/me", { name: "  민지  " });
  assert.deepEqual([renamed.status, renamed.body.name], [200, "민지"]);
  await socket.ask("under the new name");
  await socket.until(() => socket.messages.length === 1);
  assert.equal(socket.messages[0].sender.name, "민지", "open sockets know it");
});

Deno.test("a forged or foreign cookie makes nobody of anybody", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  const [name, token] = ann.cookie.split("=") as [string, string];
  const [id, signature] = token.split(".") as [string, string];
  const forgeries = [
    `${id}.${"A".repeat(43)}`,
    `${crypto.randomUUID()}.${signature}`,
    `${id}`,
    "%00",
    `${id.toUpperCase()}.${signature}`,
  ];
  for (const forged of forgeries) {
    const response = await fetch(`${server.origin}/api/me`, {
      headers: { cookie: `${name}=${forged}` },
    });
    assert.notEqual((await response.json()).id, ann.me.id, forged);
  }
  await using other = await createTestDatabase();
  await using stranger = await startServer(other.url);
  const foreign = await fetch(`${stranger.origin}/api/me`, { headers: { cookie: ann.cookie } });
  assert.notEqual((await foreign.json()).id, ann.me.id, "another database has another key");
});

Deno.test("names that cannot be names are refused with the field that is wrong", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  for (const name of ["", "   ", "x".repeat(41), "a\u202eb", "a\u0007", "\u200b"]) {
    const { status, body } = await ann.call("PATCH", "/api/me", { name });
    assert.deepEqual([status, body.code, body.errors[0].field], [400, "invalid", "name"]);
  }
  assert.equal((await ann.call("PATCH", "/api/me", {})).body.errors[0].field, "name");
  assert.equal((await ann.call("GET", "/api/me")).body.name, ann.me.name);
});

Deno.test("rooms are created, listed by their last activity, searched and paged", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  for (const name of ["one", "two", "마루"]) {
    assert.equal((await ann.call("POST", "/api/rooms", { name })).status, 201);
  }
  assert.equal((await ann.call("POST", "/api/rooms", { name: "ONE" })).status, 200, "it exists");
  const message = { id: crypto.randomUUID(), message: "hello" };
  assert.equal((await ann.call("POST", "/api/rooms/one/messages", message)).status, 200);
  const names = async (path: string) => {
    const { body } = await ann.call("GET", path);
    return { names: body.rooms.map((room: { name: string }) => room.name), next: body.next };
  };
  assert.deepEqual((await names("/api/rooms")).names, ["one", "마루", "two"]);
  const first = await names("/api/rooms?limit=2");
  assert.deepEqual(first.names, ["one", "마루"]);
  assert.deepEqual(await names(`/api/rooms?limit=2&before=${first.next}`), {
    names: ["two"],
    next: null,
  });
  assert.deepEqual((await names(`/api/rooms?q=${encodeURIComponent("마")}`)).names, ["마루"]);
  assert.deepEqual((await names("/api/rooms?q=%25")).names, [], "a wildcard is a character");
  assert.equal((await ann.call("GET", "/api/rooms?q=a%00b")).status, 400, "NUL is none");
  const room = await ann.call("GET", "/api/rooms/one");
  assert.equal(room.body.last_seq, 1);
  assert.equal((await ann.call("GET", "/api/rooms/none")).body.code, "no_such_room");
  assert.equal(
    (await ann.call("POST", "/api/rooms", { name: "a/b" })).body.code,
    "room_name_invalid",
  );
});

Deno.test("an address makes five rooms at once, then waits", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  for (let i = 0; i < 5; i++) await ann.call("POST", "/api/rooms", { name: `room-${i}` });
  const { status, body, headers } = await ann.call("POST", "/api/rooms", { name: "room-5" });
  assert.deepEqual([status, body.code], [429, "rate_limited"]);
  assert.ok(Number(headers.get("retry-after")) > 0);
  await using socket = await RoomClient.open(server.wsOrigin, "room-6");
  assert.equal((await socket.closed).code, 4529, "opening a socket counts, too");
});

Deno.test("history comes in pages before, after and around a seq, with where to go on from", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using socket = await RoomClient.open(server.wsOrigin, "lobby");
  for (let i = 1; i <= 10; i++) await socket.ask(`m${i}`);
  const ann = await visitor(server);
  const page = async (query: string) =>
    (await ann.call("GET", `/api/rooms/lobby/messages${query}`)).body;
  const seqs = async (query: string) =>
    (await page(query)).messages.map((message: { seq: number }) => message.seq);
  assert.deepEqual(await seqs("?limit=3"), [8, 9, 10]);
  assert.deepEqual(await seqs("?limit=3&before_seq=8"), [5, 6, 7]);
  assert.deepEqual(await seqs("?limit=3&after_seq=2"), [3, 4, 5]);
  assert.deepEqual(await seqs("?limit=5&around_seq=5"), [3, 4, 5, 6, 7]);
  assert.deepEqual(await seqs("?limit=200"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const { position, epoch, first_seq, last_seq, messages } = await page("");
  assert.deepEqual([position, epoch, first_seq, last_seq], [10, socket.welcome.epoch, 1, 10]);
  const { type: _, ...live } = socket.messages[9];
  assert.deepEqual(messages[9], live, "the same message, read or live");
  for (
    const bad of [
      "?limit=201",
      "?limit=0",
      "?limit=x",
      "?before_seq=1&after_seq=1",
      "?before_seq=-1",
    ]
  ) {
    assert.equal((await page(bad)).code, "invalid", bad);
  }
});

Deno.test("a posted message is stored once, delivered, and conflicts are told", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  await using socket = await RoomClient.open(server.wsOrigin, "lobby");
  const ann = await visitor(server);
  const body = { id: crypto.randomUUID(), message: "by request" };
  const first = await ann.call("POST", "/api/rooms/lobby/messages", body);
  assert.deepEqual([first.status, first.body.seq], [200, 1]);
  assert.deepEqual((await ann.call("POST", "/api/rooms/lobby/messages", body)).body, first.body);
  const other = await ann.call("POST", "/api/rooms/lobby/messages", { ...body, message: "else" });
  assert.deepEqual([other.status, other.body.code], [409, "id_conflict"]);
  await socket.until(() => socket.messages.length === 1);
  const bad = await ann.call("POST", "/api/rooms/lobby/messages", { id: "1", message: "x" });
  assert.deepEqual([bad.status, bad.body.errors[0].field], [400, "id"]);
  const empty = await ann.call("POST", "/api/rooms/lobby/messages", { ...body, message: " " });
  assert.equal(empty.body.code, "message_empty");
  const unknown = await fetch(`${server.origin}/api/rooms/lobby/messages`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal((await unknown.json()).code, "not_signed_in");
});

Deno.test("every refusal is a problem document, also of what is no JSON, too large, or nowhere", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  const send = async (body: string, type = "application/json") => {
    const response = await fetch(`${server.origin}/api/rooms`, {
      method: "POST",
      headers: { cookie: ann.cookie, "Content-Type": type },
      body,
    });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    return [response.status, (await response.json()).code];
  };
  assert.deepEqual(await send("{"), [400, "invalid"]);
  assert.deepEqual(await send("[]"), [400, "invalid"]);
  assert.deepEqual(await send(JSON.stringify({ name: "x".repeat(300_000) })), [413, "too_large"]);
  const nowhere = await fetch(`${server.origin}/api/nowhere`);
  assert.equal((await nowhere.json()).code, "not_found");
  const evil = await fetch(`${server.origin}/api/rooms`, {
    method: "POST",
    headers: {
      cookie: ann.cookie,
      "Content-Type": "application/json",
      Origin: "https://evil.example",
    },
    body: '{"name": "x"}',
  });
  assert.equal((await evil.json()).code, "origin_refused");
});

Deno.test("the API describes itself, to machines and to people", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const document = await (await fetch(`${server.origin}/api/openapi.json`)).json();
  assert.equal(document.openapi, "3.1.0");
  const paths = Object.keys(document.paths);
  assert.deepEqual(paths.toSorted(), [
    "/api/admin/session",
    "/api/admin/tasks",
    "/api/admin/tasks/jobs",
    "/api/admin/tasks/jobs/{id}",
    "/api/admin/tasks/jobs/{id}/cancellation",
    "/api/admin/tasks/jobs/{id}/retries",
    "/api/admin/tasks/schedules",
    "/api/admin/tasks/schedules/{name}/pause",
    "/api/admin/tasks/schedules/{name}/runs",
    "/api/me",
    "/api/rooms",
    "/api/rooms/{room}",
    "/api/rooms/{room}/messages",
  ]);
  const response = await fetch(`${server.origin}/api/`);
  const page = await response.text();
  for (const path of paths) assert.ok(page.includes(path), path);
  assert.match(response.headers.get("content-security-policy")!, /default-src 'self'/);
});

Deno.test("a private room is for its members", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const ann = await visitor(server);
  const ben = await visitor(server);
  await ann.call("POST", "/api/rooms", { name: "secret" });
  await db.sql`update rooms set is_private = true`;
  assert.equal((await ann.call("GET", "/api/rooms/secret/messages")).status, 200);
  assert.equal((await ben.call("GET", "/api/rooms/secret/messages")).status, 401);
  assert.deepEqual((await ben.call("GET", "/api/rooms")).body.rooms, [], "not listed");
  assert.equal((await ann.call("GET", "/api/rooms")).body.rooms.length, 1);
});

Deno.test("healthz and readyz say how it is", async () => {
  await using db = await createTestDatabase();
  await using server = await startServer(db.url);
  const status = async (path: string) => (await (await fetch(server.origin + path)).json()).status;
  assert.equal(await status("/healthz"), "ok");
  assert.equal(await status("/readyz"), "ok");
});
