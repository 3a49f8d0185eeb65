import type { SeededRandom } from "../support/seeded_random.ts";

/** A request to the HTTP API, right or wrong. */
export interface RequestCase {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** The statuses that are right. */
  readonly statuses: readonly number[];
}

/** What there is already for requests to concern. */
export interface Scene {
  readonly room: string;
  /** Of a guest. */
  readonly token: string;
  /** A message of the guest's, in the room. */
  readonly posted: { readonly id: string; readonly message: string; readonly seq: number };
}

type Make = (random: SeededRandom, scene: Scene) => RequestCase;

/** A request. */
export function requestCase(random: SeededRandom, scene: Scene): RequestCase {
  return random.pick(CASES)(random, scene);
}

/** A message that a guest posts, as it should be unless the content is wrong. */
export function postByGuest(
  name: string,
  { room, token }: Pick<Scene, "room" | "token">,
  { content, statuses }: { readonly content: unknown; readonly statuses: readonly number[] },
): RequestCase {
  return {
    ...post(name, `/api/rooms/${room}/messages`, JSON.stringify(content), statuses),
    headers: { ...JSON_TYPE, authorization: `Bearer ${token}` },
  };
}

/** The header that the instance is told to believe an address of. */
export const ADDRESS_HEADER = "x-fuzz-address";

const JSON_TYPE = { "content-type": "application/json" };

const CASES: readonly Make[] = [
  (_, { room }) => get("a page of history", `/api/rooms/${room}/messages?limit=20`, [200]),
  (_, { room }) => get("a room", `/api/rooms/${room}`, [200]),
  () => get("rooms", "/api/rooms?limit=5", [200]),
  () => get("the description", "/api/openapi.json", [200]),
  (random) => get("no such room", `/api/rooms/${random.uuid()}/messages`, [404]),
  (random, { room }) =>
    get("a wrong query", `/api/rooms/${room}/messages?${wrongQuery(random)}`, [400]),
  (random) => get("a wrong cursor", `/api/rooms?before=${encodeURIComponent(odd(random))}`, [400]),
  (random) =>
    get(
      "a search",
      `/api/rooms?q=${encodeURIComponent(odd(random).replaceAll("\0", "").slice(0, 40))}`,
      [200],
    ),
  () => get("a search for NUL", "/api/rooms?q=a%00b", [400]),
  (random) =>
    get("a wrong name", `/api/rooms/${encodeURIComponent(`${odd(random)}!`)}`, [400, 404]),
  (random) =>
    get("a broken escape", `/api/rooms/${random.pick(["%", "%zz", "%e2%82", "%ff"])}`, [400, 404]),
  (random) =>
    get(
      "nothing there",
      `/${random.pick(["api/x", "wp-login.php", ".env", "ws/", "ws/chat/", "%00"])}`,
      [400, 404],
    ),
  (random) =>
    get(
      "a way out",
      `/assets/${random.pick(["..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x", "....//x"])}`,
      [400, 403, 404],
    ),
  (_, { room }) => get("no upgrade", `/ws/chat/${room}/`, [400, 426]),
  (_, { room }) => get("a half resume", `/ws/chat/${room}/?after=5`, [400]),
  (random, { room }) =>
    request("another method", random.pick(["DELETE", "PUT", "PATCH"]), `/api/rooms/${room}`, [
      404,
      405,
    ]),
  (random, { room }) =>
    post("a body that is no JSON", `/api/rooms/${room}/messages`, odd(random) + "{", [400, 401]),
  (random, { room }) =>
    post("a wrong body", `/api/rooms/${room}/messages`, JSON.stringify(wrongBody(random)), [400]),
  (random, scene) =>
    postByGuest("a wrong body of a guest's", scene, {
      content: wrongBody(random),
      statuses: [400],
    }),
  (random, scene) =>
    postByGuest("a post", scene, { content: rightMessage(random), statuses: [200] }),
  (random, scene) =>
    postByGuest("a wrong text", scene, {
      content: { id: random.uuid(), message: wrongText(random) },
      statuses: [400],
    }),
  (_, scene) =>
    postByGuest("the same post again", scene, { content: scene.posted, statuses: [200] }),
  (random, scene) =>
    postByGuest("another post of the same id", scene, {
      content: { ...rightMessage(random), id: scene.posted.id },
      statuses: [409],
    }),
  (random, scene) =>
    postByGuest("an answer by post", scene, {
      content: { ...rightMessage(random), reply_to: scene.posted.seq },
      statuses: [200],
    }),
  (random, scene) =>
    postByGuest("an answer to nothing", scene, {
      content: { ...rightMessage(random), reply_to: Number.MAX_SAFE_INTEGER },
      statuses: [400],
    }),
  (random, { token }) =>
    postByGuest("a post to no room", { room: random.uuid(), token }, {
      content: rightMessage(random),
      statuses: [404],
    }),
  (random, { token }) => createRoom(random, token, { name: newRoomName(random), statuses: [201] }),
  (random, { token, room }) =>
    createRoom(random, token, {
      // Names that differ in case only are one room.
      name: random.pick([room, room.toUpperCase()]),
      statuses: [200],
    }),
  (random, { token }) =>
    createRoom(random, token, { name: wrongRoomName(random), statuses: [400] }),
  (random) => post("nobody's room", "/api/rooms", '{"name":"' + newRoomName(random) + '"}', [401]),
  (random, { room }) =>
    post(
      "nobody posts",
      `/api/rooms/${room}/messages`,
      JSON.stringify({ id: random.uuid(), message: "hello" }),
      [401],
    ),
  (_, { room }) => post("a huge body", `/api/rooms/${room}/messages`, " ".repeat(400_000), [413]),
  (random) => post("deeply nested", "/api/rooms", "[".repeat(random.whole(1_000, 100_000)), [400]),
  (random) =>
    post(
      "bytes for JSON",
      "/api/rooms",
      Uint8Array.from({ length: 500 }, () => random.whole(0, 255)),
      [400],
    ),
  (random) => ({
    ...request("a forged token", "GET", "/api/me", [200]),
    headers: { authorization: `Bearer ${odd(random).replace(/[^\x21-\x7e]/g, "x")}x` },
  }),
  (random) => ({
    ...request("an odd cookie", "GET", "/api/rooms", [200]),
    headers: { cookie: `maru_guest=${encodeURIComponent(odd(random))}; =;;a` },
  }),
  () => ({
    ...post("from elsewhere", "/api/rooms", '{"name":"x"}', [403]),
    headers: { ...JSON_TYPE, origin: "https://evil.example" },
  }),
  (random, { room }) => ({
    ...post("another type of body", `/api/rooms/${room}/messages`, "a=b", [400, 401, 415]),
    headers: {
      "content-type": random.pick([
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-7",
      ]),
    },
  }),
  (random) =>
    get("a long address", `/api/rooms?q=${"x".repeat(random.whole(1_000, 7_000))}`, [
      400,
      414,
      431,
    ]),
];

function request(
  name: string,
  method: string,
  path: string,
  statuses: readonly number[],
): RequestCase {
  return { name, method, path, statuses };
}

function get(name: string, path: string, statuses: readonly number[]): RequestCase {
  return request(name, "GET", path, statuses);
}

function post(
  name: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  statuses: readonly number[],
): RequestCase {
  return { ...request(name, "POST", path, statuses), headers: JSON_TYPE, body };
}

function createRoom(
  random: SeededRandom,
  token: string,
  { name, statuses }: { readonly name: unknown; readonly statuses: readonly number[] },
): RequestCase {
  return {
    ...post(`a room to create: ${statuses}`, "/api/rooms", JSON.stringify({ name }), statuses),
    headers: {
      ...JSON_TYPE,
      authorization: `Bearer ${token}`,
      // One address may create a few rooms only.
      [ADDRESS_HEADER]: Array.from({ length: 4 }, () => random.whole(1, 254)).join("."),
    },
  };
}

function newRoomName(random: SeededRandom): string {
  return random.pick(["", "방-", "Straße_", "कमरा", "١"]) + random.uuid();
}

function wrongRoomName(random: SeededRandom): unknown {
  const name = newRoomName(random);
  return random.pick<unknown>([
    "",
    " ",
    `${name} x`,
    `${name}/`,
    `${name}\0`,
    `${name}\ud800`,
    `${name}😀`,
    "x".repeat(101),
    "x".repeat(100_000),
    5,
    null,
    [name],
  ]);
}

function rightMessage(random: SeededRandom): { id: string; message: string } {
  // A letter, so that it is not empty; NUL cannot be stored.
  const message = `x${odd(random).replaceAll("\0", "")}`;
  return { id: random.uuid(), message: random.pick([message, "긴".repeat(8_000)]) };
}

function wrongText(random: SeededRandom): string {
  return random.pick([
    "",
    " \n\t",
    "a\0b",
    "\ud800",
    "x\udc00x",
    "x".repeat(8_001),
    "😀".repeat(8_001),
  ]);
}

function wrongQuery(random: SeededRandom): string {
  return random.pick([
    "limit=0",
    "limit=201",
    "limit=1e9",
    "limit=-1",
    "limit=",
    "before_seq=x",
    "after_seq=99999999999999999999",
    "around_seq=1.5",
    "before_seq=5&after_seq=5",
  ]);
}

function wrongBody(random: SeededRandom): unknown {
  const id = random.uuid();
  return random.pick<unknown>([
    null,
    [],
    "text",
    5,
    {},
    { id },
    { message: "x" },
    { id: "x", message: "x" },
    { id, message: 5 },
    { id, message: "x", reply_to: -1 },
  ]);
}

function odd(random: SeededRandom): string {
  const parts = [
    "'",
    '"',
    "--",
    ";",
    "\0",
    "\u202e",
    "%",
    "\\",
    "../",
    "한",
    "😀",
    "\ud7ff",
    "$1",
    "{}",
    "x",
  ];
  return Array.from({ length: random.whole(1, 12) }, () => random.pick(parts)).join("");
}
