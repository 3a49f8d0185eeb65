import assert from "node:assert/strict";
import { Hono } from "hono";
import type { RequestEnvironment } from "../../src/http/context.ts";
import {
  type Operator,
  OPERATOR_SESSION_MS,
  Operators,
  type OperatorsOptions,
} from "../../src/http/operators.ts";

const TOKEN = "a-token-of-thirty-two-characters-or-more";

/** Asks who somebody is, as a server of these options sees them. */
async function ask(
  { from = "203.0.113.7", ...options }: Partial<OperatorsOptions> & { readonly from?: string },
  headers: Readonly<Record<string, string>>,
): Promise<Operator["by"] | null> {
  const operators = new Operators({
    token: TOKEN,
    loopback: true,
    clientAddressHeader: undefined,
    allowedOrigins: [],
    ...options,
  });
  const app = new Hono<RequestEnvironment>();
  app.get("/", (c) => c.json(operators.recognize(c)?.by ?? null));
  const response = await app.request("/", { headers }, {
    incoming: { socket: { remoteAddress: from } },
  });
  return await response.json();
}

/** Signs in, and returns the cookie. */
async function signIn(options: Partial<OperatorsOptions> = {}, https = false) {
  const operators = new Operators({
    token: TOKEN,
    loopback: true,
    clientAddressHeader: undefined,
    allowedOrigins: [],
    ...options,
  });
  const app = new Hono<RequestEnvironment>();
  app.get("/", (c) => {
    operators.signIn(c);
    return c.text("");
  });
  const response = await app.request(`http${https ? "s" : ""}://chat.example.org/`);
  return response.headers.get("set-cookie")!;
}

Deno.test("whoever sits at this machine is nobody where that was not asked for", async () => {
  const options = { from: "127.0.0.1", loopback: false };
  assert.equal(await ask(options, { host: "localhost:8000" }), null);
  const bearer = { host: "localhost:8000", authorization: `Bearer ${TOKEN}` };
  assert.equal(await ask(options, bearer), "token");
});

Deno.test("whoever sits at this machine is an operator, by the connection and by the name asked for", async () => {
  for (const from of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) {
    for (const host of ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"]) {
      assert.equal(await ask({ from }, { host }), "loopback", `${from} ${host}`);
    }
  }
});

Deno.test("another machine is nobody, whatever it says", async () => {
  for (const from of ["203.0.113.7", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "1270.0.0.1"]) {
    assert.equal(await ask({ from }, { host: "localhost:8000" }), null, from);
  }
});

Deno.test("a page of another name that leads to this machine is nobody", async () => {
  const hosts = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]"];
  for (const host of [...hosts, "localhost@evil.example", "127.0.0.2"]) {
    assert.equal(await ask({ from: "127.0.0.1" }, { host }), null, host);
  }
});

Deno.test("what a proxy on this machine passes on is nobody's here", async () => {
  const headers = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Via",
    "Fly-Client-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
  ];
  for (const name of headers) {
    const asked = { host: "localhost:8000", [name]: "127.0.0.1" };
    assert.equal(await ask({ from: "127.0.0.1" }, asked), null, name);
  }
  const own = { from: "127.0.0.1", clientAddressHeader: "X-My-Client" };
  assert.equal(await ask(own, { host: "localhost", "x-my-client": "127.0.0.1" }), null);
  assert.equal(await ask(own, { host: "localhost" }), "loopback");
});

Deno.test("a server of a public site trusts nobody for being at this machine", async () => {
  const asked = { host: "localhost:8000" };
  const from = "127.0.0.1";
  assert.equal(await ask({ from, allowedOrigins: ["https://chat.example.org"] }, asked), null);
  assert.equal(await ask({ from, allowedOrigins: ["http://localhost:3000"] }, asked), "loopback");
});

Deno.test("a program is known by the token, and by nothing near it", async () => {
  assert.equal(await ask({}, { authorization: `Bearer ${TOKEN}` }), "token");
  assert.equal(await ask({}, { authorization: `bearer ${TOKEN}` }), "token");
  const wrong = [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, "Bearer", `Basic ${TOKEN}`, TOKEN];
  for (const authorization of [...wrong, `Bearer ${TOKEN.toUpperCase()}`]) {
    assert.equal(await ask({}, { authorization }), null, authorization);
  }
  assert.equal(await ask({ token: undefined }, { authorization: "Bearer undefined" }), null);
});

Deno.test("the cookie of who signed in is hard to get at, says nothing of the token, and ends", async () => {
  const setCookie = await signIn();
  assert.match(setCookie, /; HttpOnly/);
  assert.match(setCookie, /; SameSite=Strict/);
  assert.match(setCookie, /; Max-Age=43200/);
  assert.doesNotMatch(setCookie, /Secure/);
  assert.match(await signIn({}, true), /; Secure/);
  assert.ok(!setCookie.includes(TOKEN));

  const cookie = setCookie.split(";")[0]!;
  assert.equal(await ask({}, { cookie }), "cookie");
  const later = (ms: number) => () => Date.now() + ms;
  assert.equal(await ask({ now: later(OPERATOR_SESSION_MS - 60_000) }, { cookie }), "cookie");
  assert.equal(await ask({ now: later(OPERATOR_SESSION_MS + 1) }, { cookie }), null);
});

Deno.test("a forged cookie, a longer one, and one of another token are nobody's", async () => {
  const cookie = (await signIn()).split(";")[0]!;
  const [name, value] = cookie.split("=") as [string, string];
  const [until, mac] = value.split(".") as [string, string];
  const forged = [
    `${Number(until) + 1}.${mac}`,
    `${until}.${"A".repeat(mac.length)}`,
    `${until}.`,
    until,
    `NaN.${mac}`,
    `Infinity.${mac}`,
    "",
  ];
  for (const value of forged) {
    assert.equal(await ask({}, { cookie: `${name}=${value}` }), null, value);
  }
  assert.equal(await ask({ token: `${TOKEN}!` }, { cookie }), null);
  assert.equal(await ask({ token: undefined }, { cookie }), null);
});
