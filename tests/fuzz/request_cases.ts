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

type Make = (random: SeededRandom, room: string) => RequestCase;

/** A request; some concern a room that there is. */
export function requestCase(random: SeededRandom, room: string): RequestCase {
  return random.pick(CASES)(random, room);
}

const JSON_TYPE = { "content-type": "application/json" };

const CASES: readonly Make[] = [
  (_, room) => get("a page of history", `/api/rooms/${room}/messages?limit=20`, [200]),
  (_, room) => get("a room", `/api/rooms/${room}`, [200]),
  () => get("rooms", "/api/rooms?limit=5", [200]),
  () => get("the description", "/api/openapi.json", [200]),
  (random) => get("no such room", `/api/rooms/${random.uuid()}/messages`, [404]),
  (random, room) =>
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
  (_, room) => get("no upgrade", `/ws/chat/${room}/`, [400, 426]),
  (_, room) => get("a half resume", `/ws/chat/${room}/?after=5`, [400]),
  (random, room) =>
    request("another method", random.pick(["DELETE", "PUT", "PATCH"]), `/api/rooms/${room}`, [
      404,
      405,
    ]),
  (random, room) =>
    post("a body that is no JSON", `/api/rooms/${room}/messages`, odd(random) + "{", [400, 401]),
  (random, room) =>
    post("a wrong body", `/api/rooms/${room}/messages`, JSON.stringify(wrongBody(random)), [400]),
  (random, room) =>
    post(
      "nobody posts",
      `/api/rooms/${room}/messages`,
      JSON.stringify({ id: random.uuid(), message: "hello" }),
      [401],
    ),
  (_, room) => post("a huge body", `/api/rooms/${room}/messages`, " ".repeat(400_000), [413]),
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
  (random, room) => ({
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
