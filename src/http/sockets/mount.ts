import type { Context, Hono, MiddlewareHandler } from "hono";
import type { Person } from "../../accounts/mod.ts";
import { websocketConsumer } from "../../channels/mod.ts";
import { parseRoomName } from "../../protocol/room_name.ts";
import { clientAddress } from "../client_address.ts";
import type { HttpOptions, RequestEnvironment, Upgrade } from "../context.ts";
import { preferredLanguage } from "../middleware/identity.ts";
import { problem } from "../problem.ts";
import { RoomConsumer } from "./room_consumer.ts";

/**
 * Mounts the room socket. What a browser cannot read (a status before the upgrade) is kept for what
 * a person cannot mend: a wrong name, a wrong origin. Verdicts about people come in an error frame.
 */
export function mountRoomSocket(
  app: Hono<RequestEnvironment>,
  upgrade: Upgrade,
  options: HttpOptions,
): void {
  const { chat, layer, sockets, onError } = options;
  const context = { chat, sockets, onError };
  app.on(
    "GET",
    ["/ws/chat/:room/", "/ws/chat/:room"],
    requireUpgrade,
    websocketConsumer<RequestEnvironment>(upgrade, async (c) => {
      const room = parseRoomName(c.req.param("room")!);
      if (room === null) return problem(c, "room_name_invalid");
      const resume = parseResume(c);
      if (resume === "invalid") {
        return problem(c, "invalid", { detail: "after must be a whole number, with its epoch" });
      }
      if (sockets.full) return problem(c, "too_many_sockets", { retryAfter: 5 });
      return new RoomConsumer(context, {
        connection: c.env.incoming.socket,
        person: await personOf(c, options),
        room,
        address: clientAddress(c, options.clientAddressHeader),
        resume,
      });
    }, {
      layer,
      // A slow reader catches up at its own pace; the chat has time-outs of its own.
      handlerTimeoutMs: Infinity,
      // Sockets does that, for all of them.
      keepaliveMs: Infinity,
      forgetRequest: true,
      warn: onError,
    }),
  );
}

/** Refuses what wants no WebSocket. */
export const requireUpgrade: MiddlewareHandler<RequestEnvironment> = async (c, next) => {
  if (c.req.header("upgrade")?.toLowerCase() === "websocket") return await next();
  c.header("Upgrade", "websocket");
  return problem(c, "invalid", { detail: "This address is a WebSocket's" });
};

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
