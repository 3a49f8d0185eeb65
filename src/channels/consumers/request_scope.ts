import type { Context } from "hono";
import type { Scope } from "./websocket_consumer.ts";

/**
 * The scope of a request that came by Hono. It is kept as long as the socket, and most of it is
 * never asked for: each part is made when it is, and until then the headers are one string.
 */
export class RequestScope implements Scope {
  readonly user: unknown;
  readonly session: unknown;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly #url: string;
  #request: Request | undefined;
  #headersJson = "[]";
  #headers: Headers | undefined;
  #query: URLSearchParams | undefined;
  #subprotocols: readonly string[] | undefined;

  constructor({ req }: Context, { user, session }: Pick<Scope, "user" | "session">) {
    this.user = user;
    this.session = session;
    this.path = req.path;
    this.params = req.param();
    this.#url = req.url;
    this.#request = req.raw;
  }

  get query(): URLSearchParams {
    return this.#query ??= new URL(this.#url).searchParams;
  }

  get headers(): Headers {
    return this.#headers ??= new Headers(this.#request?.headers ?? JSON.parse(this.#headersJson));
  }

  get subprotocols(): readonly string[] {
    return this.#subprotocols ??= listOf(
      (this.#request ?? this).headers.get("sec-websocket-protocol"),
    );
  }

  /** Keeps what is told of the request, without it: Deno answers nothing after the upgrade. */
  detach(): void {
    if (this.#headers === undefined) {
      this.#headersJson = JSON.stringify([...this.#request!.headers]);
    }
    this.#request = undefined;
  }
}

function listOf(header: string | null): string[] {
  return (header ?? "").split(",").map((name) => name.trim()).filter((name) => name !== "");
}
