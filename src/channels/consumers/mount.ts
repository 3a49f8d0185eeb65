import type { Context, Env, MiddlewareHandler } from "hono";
import type { UpgradeWebSocket } from "hono/ws";
import type { ChannelLayer } from "../layer.ts";
import type { WarnHandler } from "../subscribers.ts";
import { Keepalive, KEEPALIVE_INTERVAL_MS } from "./keepalive.ts";
import { RequestScope } from "./request_scope.ts";
import { HANDLER_TIMEOUT_MS, SocketSession } from "./session.ts";
import { assertTimeLimits, TIMER_MAX_MS } from "../time_limit.ts";
import type { Scope, WebSocketConsumer } from "./websocket_consumer.ts";
import { wireOf } from "./wire.ts";

/** Options of {@linkcode websocketConsumer}. */
export interface WebSocketConsumerOptions<E extends Env> {
  /** What its consumers send to and hear from. */
  readonly layer: ChannelLayer;
  /** Who it is, for the consumer's scope. @default nobody */
  readonly user?: (c: Context<E>) => unknown;
  /** The session, for the consumer's scope. @default none */
  readonly session?: (c: Context<E>) => unknown;
  /** A handler that takes longer closes its socket, in ms; Infinity for none. @default {HANDLER_TIMEOUT_MS} */
  readonly handlerTimeoutMs?: number;
  /**
   * Time between two pings of a socket of the package `ws`, in ms: one that answers none until the
   * next is cut off. Infinity for none. @default 30000
   */
  readonly keepaliveMs?: number;
  /**
   * Lets go of the request once the peer is let in, which saves a socket of `@hono/node-ws` some 10
   * KB: its listeners, which are taken off, keep Hono's context with all that hangs on it. `scope`
   * is for the time before `accept` then, and who wraps the adapter hears of nothing but `onOpen`.
   * @default false
   */
  readonly forgetRequest?: boolean;
  /** Told of handlers that fail. @default silent */
  readonly warn?: WarnHandler;
}

/** Makes the consumer for a request, or answers it instead. */
export type MakeConsumer<E extends Env> = (
  c: Context<E>,
) => WebSocketConsumer | Response | Promise<WebSocketConsumer | Response>;

/**
 * Mounts consumers on a route: one is made for each request that wants a WebSocket.
 *
 * Any of Hono's adapters will do. With `@hono/node-ws`, set `wss.options.handleProtocols` to
 * {@linkcode acceptedSubprotocol}: it answers with the first one offered otherwise.
 *
 * @throws {RangeError} when an option is no time
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { upgradeWebSocket } from "hono/deno";
 * import { memoryChannelLayer, websocketConsumer, WebSocketConsumer } from "maru/channels";
 *
 * class EchoConsumer extends WebSocketConsumer {
 *   override receive(data: string | Uint8Array) {
 *     this.send(data);
 *   }
 * }
 *
 * const layer = memoryChannelLayer();
 * const app = new Hono();
 * app.get("/ws/echo/", websocketConsumer(upgradeWebSocket, () => new EchoConsumer(), { layer }));
 * const server = Deno.serve({ port: 0 }, app.fetch);
 *
 * // When it is to stop:
 * await server.shutdown();
 * await layer.close();
 * ```
 */
export function websocketConsumer<E extends Env>(
  // deno-lint-ignore no-explicit-any -- each adapter's raw socket has a type of its own
  upgradeWebSocket: UpgradeWebSocket<any, any>,
  make: MakeConsumer<E>,
  options: WebSocketConsumerOptions<E>,
): MiddlewareHandler<E> {
  const {
    user = () => undefined,
    session = () => undefined,
    handlerTimeoutMs = HANDLER_TIMEOUT_MS,
    keepaliveMs = KEEPALIVE_INTERVAL_MS,
    forgetRequest = false,
    ...rest
  } = options;
  assertTimeLimits({ handlerTimeoutMs, keepaliveMs });
  const keepalive = keepaliveMs > TIMER_MAX_MS ? undefined : new Keepalive(keepaliveMs);
  return async function websocketConsumer(c, next): Promise<Response> {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      return c.text("This address is a WebSocket's", 426, { Upgrade: "websocket" });
    }
    // Before anybody is let in: what comes after this is the adapter's.
    const fault = faultOfHandshake(c);
    if (fault !== null) {
      return c.text(`This is no WebSocket handshake (RFC 6455, section 4.2.1): ${fault}`, 400);
    }
    const consumer = await make(c);
    if (consumer instanceof Response) return consumer;
    let request: RequestScope | null = new RequestScope(c, { user: user(c), session: session(c) });
    const scope = () => request ?? forgotten();
    const socket = new SocketSession(
      consumer,
      { ...rest, handlerTimeoutMs, scope },
      keepalive,
    );
    const verdict = await socket.connect();
    if (!verdict.accepted) {
      return new Response(verdict.body, { status: verdict.status });
    }
    if (forgetRequest) request = null;
    else request.detach();
    const { subprotocol } = verdict;
    const { incoming } = (c.env ?? {}) as { incoming?: object };
    if (incoming !== undefined) subprotocols.set(incoming, subprotocol);
    const upgrade = upgradeWebSocket(
      () => ({ onOpen: (_event, { raw }) => socket.open(wireOf(raw, { alone: forgetRequest })) }),
      // Told also when there is none: hono/deno would answer with the first one offered.
      { protocol: subprotocol },
    );
    return (await upgrade(c, next))!;
  };
}

/** The subprotocol that the consumer of a request accepted with: `handleProtocols` of `ws`. */
export function acceptedSubprotocol(_offered: Set<string>, request: object): string | false {
  return subprotocols.get(request) ?? false;
}

const subprotocols = new WeakMap<object, string | undefined>();

/** What a handshake has to have, and this request has not. */
function faultOfHandshake(c: Context): string | null {
  const header = (name: string) => c.req.header(name) ?? "";
  const connection = header("connection").toLowerCase().split(",").map((token) => token.trim());
  // The adapter would answer as if nothing had been asked, after the consumer has let the peer in.
  if (!connection.includes("upgrade")) {
    return 'Connection has no "Upgrade", which a proxy on the way has to pass on';
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(header("sec-websocket-key"))) {
    return "Sec-WebSocket-Key has no 16 bytes in base64";
  }
  return header("sec-websocket-version") === "13" ? null : "Sec-WebSocket-Version is not 13";
}

function forgotten(): Scope {
  throw new TypeError(
    "Cannot read the scope: it is let go once the peer is let in (forgetRequest)",
  );
}
