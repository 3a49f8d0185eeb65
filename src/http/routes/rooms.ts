import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { Person } from "../../accounts/mod.ts";
import { readHistory, type RoomView } from "../../chat/mod.ts";
import {
  createRoomBody,
  historyBody,
  historyQuery,
  postedBody,
  postMessageBody,
  roomBody,
  roomListBody,
  roomListQuery,
} from "../../protocol/bodies.ts";
import type { ErrorCode } from "../../protocol/codes.ts";
import { parseRoomName } from "../../protocol/room_name.ts";
import { messageTextError } from "../../protocol/text.ts";
import { clientAddress } from "../client_address.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { json, problems } from "../openapi.ts";
import { problem } from "../problem.ts";

const roomParams = z.object({ room: z.string().meta({ example: "lobby" }) });

/** `/api/rooms`: rooms, their history, and messages by request. */
export function mountRooms(app: OpenAPIHono<RequestEnvironment>, options: HttpOptions): void {
  const { accounts, chat, guests } = options;

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/rooms",
      tags: ["Rooms"],
      summary: "List rooms",
      request: { query: roomListQuery },
      responses: { 200: json(roomListBody, "A page of rooms"), ...problems(400, 401, 503) },
    }),
    async (c) => {
      if (c.get("person") === null && guests === "deny") {
        return problem(c, "not_signed_in") as never;
      }
      const { q, before, limit } = c.req.valid("query");
      const search = q?.normalize("NFC").toUpperCase().toLowerCase();
      return c.json(await chat.rooms.list(c.get("person"), { search, before, limit }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/rooms",
      tags: ["Rooms"],
      summary: "Create a room",
      request: { body: { ...json(createRoomBody, "The room"), required: true } },
      responses: {
        200: json(roomBody, "It exists already"),
        201: json(roomBody, "It was created"),
        ...problems(400, 401, 403, 429),
      },
    }),
    async (c) => {
      const name = parseRoomName(c.req.valid("json").name);
      if (name === null) return problem(c, "room_name_invalid") as never;
      const person = c.get("person");
      if (person === null) return problem(c, "not_signed_in") as never;
      const existing = await chat.rooms.find(name, person);
      if (existing !== null) {
        const refused = chat.policy.refusesReading(person, existing.access, existing.role);
        return refused === null ? c.json(existing.room, 200) : problem(c, refused) as never;
      }
      const refused = chat.policy.refusesCreation(person);
      if (refused !== null) return problem(c, refused) as never;
      const address = clientAddress(c, options.clientAddressHeader);
      const retryAfter = chat.takeRoomCreation(address);
      if (retryAfter > 0) return problem(c, "rate_limited", { retryAfter }) as never;
      const created = await chat.rooms.create(name, person);
      const view = await chat.rooms.find(name, person);
      if (view === null) return problem(c, "no_such_room") as never;
      return c.json(view.room, created ? 201 : 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/rooms/{room}",
      tags: ["Rooms"],
      summary: "A room",
      request: { params: roomParams },
      responses: { 200: json(roomBody, "The room"), ...problems(400, 401, 403, 404) },
    }),
    async (c) => {
      const found = await findRoom(c, c.req.valid("param").room);
      return "refused" in found ? problem(c, found.refused) as never : c.json(found.view.room, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/rooms/{room}/messages",
      tags: ["Messages"],
      summary: "A page of history",
      description: "From one snapshot, in the order of seq: the newest page, or before, after or " +
        "around a seq. Open the room socket with its position and epoch to miss nothing.",
      request: { params: roomParams, query: historyQuery },
      responses: { 200: json(historyBody, "The page"), ...problems(400, 401, 403, 404, 503) },
    }),
    async (c) => {
      const found = await findRoom(c, c.req.valid("param").room);
      if ("refused" in found) return problem(c, found.refused) as never;
      const history = await readHistory(chat.readers, found.view.id, c.req.valid("query"));
      if (history === null) return problem(c, "no_such_room") as never;
      return c.json(history, 200, { "Cache-Control": "no-store" });
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/rooms/{room}/messages",
      tags: ["Messages"],
      summary: "Post a message",
      description: "Committed when it answers. Idempotent: the same id is stored once.",
      request: {
        params: roomParams,
        body: { ...json(postMessageBody, "The message"), required: true },
      },
      responses: {
        200: json(postedBody, "Stored, now or by an earlier request with this id"),
        ...problems(400, 401, 403, 404, 409, 429, 503),
      },
    }),
    async (c) => {
      const person = c.get("person");
      if (person === null) return problem(c, "not_signed_in") as never;
      const { id, message, reply_to: replyTo } = c.req.valid("json");
      const invalid = messageTextError(message);
      if (invalid !== null) return problem(c, invalid) as never;
      const found = await findRoom(c, c.req.valid("param").room);
      if ("refused" in found) return problem(c, found.refused) as never;
      const { id: roomId, access, role } = found.view;
      const refused = chat.policy.refusesWriting(person, access, role);
      if (refused !== null) return problem(c, refused) as never;
      const retryAfter = chat.messageRate.take(person.id);
      if (retryAfter > 0) return problem(c, "rate_limited", { retryAfter }) as never;
      const result = await chat.append({
        roomId,
        id,
        sender: { id: person.id, name: person.name },
        text: message,
        replyTo,
        accessVersion: access.accessVersion,
      });
      if (!result.stored) return problem(c, result.code) as never;
      const { seq, position, at } = result;
      return c.json({ id, seq, position, created_at: at.toISOString() }, 200);
    },
  );

  async function findRoom(
    c: Context<RequestEnvironment>,
    raw: string,
  ): Promise<{ view: RoomView } | { refused: ErrorCode }> {
    const name = parseRoomName(raw);
    if (name === null) return { refused: "room_name_invalid" };
    const person: Person | null = c.get("person");
    const view = await chat.rooms.find(name, person);
    if (view === null) return { refused: "no_such_room" };
    const reader = person ?? accounts.stranger;
    const refused = chat.policy.refusesReading(reader, view.access, view.role);
    return refused === null ? { view } : { refused };
  }
}
