import { parseRoomName, type RoomName } from "../../protocol/room_name.ts";

/** What somebody has typed to find or open a room. */
export type RoomEntry =
  | { readonly kind: "empty" }
  | { readonly kind: "name"; readonly name: RoomName }
  /** No name; perhaps with one that comes close. */
  | { readonly kind: "invalid"; readonly suggestion?: string };

/** Reads what was typed, and for what is no name suggests the nearest one. */
export function readRoomEntry(typed: string): RoomEntry {
  const trimmed = typed.trim();
  if (trimmed === "") return { kind: "empty" };
  const name = parseRoomName(trimmed);
  if (name) return { kind: "name", name };
  const words = trimmed.normalize("NFC").replace(/[^\p{L}\p{M}\p{Nd}_-]+/gu, "-");
  const cut = [...words.replace(/^-+|-+$/g, "")].slice(0, 100).join("");
  const suggestion = parseRoomName(cut);
  return suggestion ? { kind: "invalid", suggestion: suggestion.name } : { kind: "invalid" };
}
