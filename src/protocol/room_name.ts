import { ROOM_NAME_MAX_CODE_POINTS } from "./codes.ts";

/** A room's name as it is shown, and the key by which two spellings are the same room. */
export interface RoomName {
  /** In NFC, as its creator wrote it. */
  readonly name: string;
  /** Case-folded: `Straße` and `STRASSE` are one room. */
  readonly key: string;
}

const ALLOWED = /^[\p{L}\p{M}\p{Nd}_-]+$/u;

/**
 * Normalises a room's name, or returns `null` when it is none: letters, marks and digits of any
 * script, `_` and `-`, 1 to 100 code points after NFC.
 *
 * Case folding is upper case, then lower case, then NFC again: JavaScript has no fold of its own,
 * and this one agrees with Unicode's full folding for all letters that a person would type.
 *
 * @example
 * ```ts
 * import { parseRoomName } from "./room_name.ts";
 * parseRoomName("마루"); // { name: "마루", key: "마루" }
 * parseRoomName("a/b"); // null
 * ```
 */
export function parseRoomName(raw: string): RoomName | null {
  // Before the work of normalising: NFC never makes more than three code units of one.
  if (raw.length === 0 || raw.length > ROOM_NAME_MAX_CODE_POINTS * 8) return null;
  if (!raw.isWellFormed()) return null;
  const name = raw.normalize("NFC");
  if (!ALLOWED.test(name)) return null;
  if ([...name].length > ROOM_NAME_MAX_CODE_POINTS) return null;
  return { name, key: name.toUpperCase().toLowerCase().normalize("NFC") };
}
