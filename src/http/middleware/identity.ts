import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Accounts, Person } from "../../accounts/mod.ts";
import type { RequestEnvironment } from "../context.ts";
import { isHttps } from "../https.ts";

const COOKIE = "maru_guest";
const COOKIE_MAX_AGE_S = 365 * 24 * 60 * 60;

/** Finds out who asks: by `Authorization: Bearer` for programs, by the cookie for browsers. */
export function identity(accounts: Accounts): MiddlewareHandler<RequestEnvironment> {
  return async function identity(c, next) {
    const bearer = /^Bearer (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const token = bearer ?? getCookie(c, COOKIE);
    c.set("person", token === undefined ? null : await accounts.identify(token));
    await next();
  };
}

/** Lets a browser be known again as this guest. */
export async function rememberGuest(
  c: Context<RequestEnvironment>,
  accounts: Accounts,
  person: Person,
): Promise<void> {
  setCookie(c, COOKIE, await accounts.issueToken(person), {
    httpOnly: true,
    sameSite: "Lax",
    secure: isHttps(c),
    path: "/",
    maxAge: COOKIE_MAX_AGE_S,
  });
}

/** The language to greet somebody in. */
export function preferredLanguage(c: Context): "en" | "ko" {
  return /^\s*ko\b/i.test(c.req.header("accept-language") ?? "") ? "ko" : "en";
}
