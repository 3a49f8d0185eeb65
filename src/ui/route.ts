import { parseRoomName } from "../protocol/room_name.ts";

/** Which of the pages an address names. */
export type Route = { readonly page: "lobby" } | { readonly page: "room"; readonly room: string };

/** The page at a path such as `/chat/` or `/chat/%EB%A7%88%EB%A3%A8/`; what is no room is the lobby. */
export function routeOf(pathname: string): Route {
  const [, encoded] = /^\/chat\/([^/]+)\/?$/.exec(pathname) ?? [];
  if (encoded === undefined) return { page: "lobby" };
  try {
    const room = parseRoomName(decodeURIComponent(encoded));
    return room ? { page: "room", room: room.name } : { page: "lobby" };
  } catch {
    return { page: "lobby" };
  }
}

/** The address of a room's page. */
export function roomHref(room: string): string {
  return `/chat/${encodeURIComponent(room)}/`;
}

/** The address of the lobby. */
export const LOBBY_HREF = "/chat/";
