import type { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { RequestEnvironment } from "./context.ts";
import { isHttps } from "./https.ts";

/** What {@linkcode Operators} are known by. */
export interface OperatorsOptions {
  /** The operator's token; `undefined`: nobody has one. */
  readonly token: string | undefined;
  /** Whether requests from this machine are an operator's. */
  readonly loopback: boolean;
  /** The header in which a trusted proxy puts the client's address, if there is one. */
  readonly clientAddressHeader: string | undefined;
  readonly allowedOrigins: readonly string[];
  /** In ms. @default Date.now */
  readonly now?: () => number;
}

/** Somebody who may administrate. */
export interface Operator {
  /** How they are known. */
  readonly by: "loopback" | "token" | "cookie";
  /** Until when, in ms since the epoch. */
  readonly until: number;
}

/** Who has signed in is asked for the token again after this. */
export const OPERATOR_SESSION_MS = 12 * 3_600_000;

const COOKIE = "maru_operator";
/** What proxies add: whoever's request has one of these came from elsewhere. */
const FORWARDED = new RegExp(
  "^(forwarded|via|x-forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|" +
    "x-envoy-external-address|true-client-ip|fly-.*|cf-.*|fastly-.*)$",
);
const LOOPBACK_ADDRESS = /^(::1|(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;
/** A page of another name that leads to this machine (DNS rebinding) has its own name here. */
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * Who may administrate, until there are accounts for it: who has the operator's token and, where
 * that is asked for, who sits at this machine. It is not asked for in production: a proxy on the same
 * machine that adds no header (nginx does not by itself) makes everybody look like that.
 *
 * A request is this machine's when its connection comes from loopback, no header says that it was
 * forwarded, and it asks for `localhost` by that name. A server whose `ALLOWED_ORIGINS` name a
 * public site stands behind something that serves the site: there, loopback is nobody.
 *
 * Browsers keep a cookie that holds a time and a MAC over it, keyed by the token: it tells nothing
 * of the token, needs no table, and ends with a change of the token.
 */
export class Operators {
  readonly #tokenDigest: Buffer | undefined;
  readonly #cookieKey: Buffer | undefined;
  readonly #clientAddressHeader: string | undefined;
  readonly #loopback: boolean;
  readonly #now: () => number;

  constructor(options: OperatorsOptions) {
    const { token, loopback, clientAddressHeader, allowedOrigins, now = Date.now } = options;
    this.#tokenDigest = token === undefined ? undefined : sha256(token);
    this.#cookieKey = token === undefined ? undefined : sha256(`${COOKIE} ${token}`);
    this.#clientAddressHeader = clientAddressHeader?.toLowerCase();
    this.#loopback = loopback && allowedOrigins.every((origin) => LOOPBACK_ORIGIN.test(origin));
    this.#now = now;
  }

  /** Whether there is a token to sign in with. */
  get canSignIn(): boolean {
    return this.#tokenDigest !== undefined;
  }

  /** The operator who asks, or null for anybody else. */
  recognize(c: Context<RequestEnvironment>): Operator | null {
    const bearer = /^Bearer (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (bearer !== undefined && this.isToken(bearer)) return { by: "token", until: Infinity };
    const until = this.#openCookie(getCookie(c, COOKIE));
    if (until !== null) return { by: "cookie", until };
    return this.#isLocal(c) ? { by: "loopback", until: Infinity } : null;
  }

  /** Whether this is the token; takes as long for a near miss as for any other. */
  isToken(candidate: string): boolean {
    return this.#tokenDigest !== undefined &&
      timingSafeEqual(sha256(candidate), this.#tokenDigest);
  }

  /** Lets a browser be known again. */
  signIn(c: Context<RequestEnvironment>): Operator {
    const until = this.#now() + OPERATOR_SESSION_MS;
    setCookie(c, COOKIE, this.#sealCookie(until), {
      ...cookieOptions(c),
      maxAge: OPERATOR_SESSION_MS / 1000,
    });
    return { by: "cookie", until };
  }

  /** Lets a browser be forgotten. */
  signOut(c: Context<RequestEnvironment>): void {
    deleteCookie(c, COOKIE, cookieOptions(c));
  }

  #sealCookie(until: number): string {
    const mac = createHmac("sha256", this.#cookieKey!).update(String(until)).digest("base64url");
    return `${until}.${mac}`;
  }

  #openCookie(cookie: string | undefined): number | null {
    if (this.#cookieKey === undefined || cookie === undefined) return null;
    const until = Number(cookie.split(".", 1)[0]);
    // Made anew and compared by digests, so that neither content nor length can be felt out.
    const genuine = timingSafeEqual(sha256(this.#sealCookie(until)), sha256(cookie));
    return genuine && until > this.#now() ? until : null;
  }

  #isLocal(c: Context<RequestEnvironment>): boolean {
    if (!this.#loopback) return false;
    if (!LOOPBACK_ADDRESS.test(c.env.incoming.socket.remoteAddress ?? "")) return false;
    if (!LOOPBACK_HOST.test(c.req.header("host") ?? "")) return false;
    return !Object.keys(c.req.header()).some((name) =>
      FORWARDED.test(name) || name === this.#clientAddressHeader
    );
  }
}

function cookieOptions(c: Context) {
  return { httpOnly: true, sameSite: "Strict", secure: isHttps(c), path: "/" } as const;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
