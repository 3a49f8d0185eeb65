import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Context, Hono } from "hono";
import type { Person } from "../../accounts/mod.ts";
import type { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../protocol/codes.ts";
import { parseRoomName } from "../../protocol/room_name.ts";
import { clientAddress } from "../client_address.ts";
import type { HttpOptions, RequestEnvironment, Upgrade } from "../context.ts";
import { preferredLanguage } from "../middleware/identity.ts";
import { problem } from "../problem.ts";
import { RoomSocket } from "./room_socket.ts";
import { Transport } from "./transport.ts";

/**
 * Mounts the room socket. What a browser cannot read (a status before the upgrade) is kept for what
 * a person cannot mend: a wrong name, a wrong origin. Verdicts about people come in an error frame.
 */
export function mountRoomSocket(
  app: Hono<RequestEnvironment>,
  upgrade: Upgrade,
  options: HttpOptions,
): void {
  const { sockets } = options;
  app.on("GET", ["/ws/chat/:room/", "/ws/chat/:room"], async (c, next) => {
    const room = parseRoomName(c.req.param("room"));
    if (room === null) return problem(c, "room_name_invalid");
    const resume = parseResume(c);
    if (resume === "invalid") {
      return problem(c, "invalid", { detail: "after must be a whole number, with its epoch" });
    }
    if (sockets.full) return problem(c, "too_many_sockets", { retryAfter: 5 });
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      c.header("Upgrade", "websocket");
      return problem(c, "invalid", { detail: "This address is a WebSocket's" });
    }
    const person = await personOf(c, options);
    const { incoming } = c.env;
    const address = clientAddress(c, options.clientAddressHeader);
    const upgraded = await upgrade(() => ({
      onOpen(_event, { raw }) {
        const ws = raw as WebSocket;
        const transport = new Transport(ws, incoming.socket, sockets.pacer);
        const joined = ws.protocol === SUBPROTOCOL;
        const { chat, onError } = options;
        const socket = new RoomSocket(transport, {
          chat,
          person,
          room,
          address,
          joined,
          resume,
          onError,
        });
        runSocket(ws, socket, transport, options);
      },
    }))(c, next);
    return upgraded ?? problem(c, "invalid");
  });
}

function runSocket(
  ws: WebSocket,
  socket: RoomSocket,
  transport: Transport,
  { sockets }: HttpOptions,
): void {
  const held = sockets.hold(socket, transport);
  // Until it has entered, what it sends waits in the kernel, not in our memory.
  ws.pause();
  ws.on("message", (data: Buffer, isBinary: boolean) => {
    held.heardAt = performance.now();
    socket.receive(data, isBinary);
  });
  ws.on("pong", () => held.heardAt = performance.now());
  ws.on("close", () => {
    socket.leave();
    sockets.release(held);
  });
  // A frame above the limit or broken framing: ws has queued its close frame, with 1009 or 1002.
  ws.on("error", () => transport.cutSoon());
  socket.enter().finally(() => ws.resume());
}

async function personOf(
  c: Context<RequestEnvironment>,
  options: HttpOptions,
): Promise<Person> {
  const person = c.get("person");
  if (person !== null) return person;
  // The policy refuses a stranger where guests are denied; nobody is made for that.
  if (options.guests === "deny") return options.accounts.stranger;
  // A guest without a cookie is a guest for this connection.
  return await options.accounts.createGuest(preferredLanguage(c));
}

function parseResume(c: Context): { after: number; epoch: string } | null | "invalid" {
  const after = c.req.query("after");
  if (after === undefined) return null;
  const epoch = c.req.query("epoch");
  if (epoch === undefined || !/^\d{1,16}$/.test(after)) return "invalid";
  return Number.isSafeInteger(Number(after)) ? { after: Number(after), epoch } : "invalid";
}

/** The room socket takes the one subprotocol that it speaks, or none. */
export function chooseSubprotocol(offered: Set<string>, _request: IncomingMessage): string | false {
  return offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false;
}
