import { type ErrorCode, MESSAGE_MAX_CODE_POINTS, PERSON_NAME_MAX_CODE_POINTS } from "./codes.ts";

/** What is wrong with a message's text, or `null` when it can be stored as it is. */
export function messageTextError(text: string): ErrorCode | null {
  if (!text.isWellFormed() || text.includes("\0")) return "message_ill_formed";
  if (text.trim() === "") return "message_empty";
  if (text.length > MESSAGE_MAX_CODE_POINTS && codePoints(text) > MESSAGE_MAX_CODE_POINTS) {
    return "message_too_long";
  }
  return null;
}

/**
 * A person's name, trimmed and with its white space folded, or `null` when it cannot be one:
 * empty, over 40 code points, or with control and direction-changing characters that would let
 * somebody pass for another.
 */
export function parsePersonName(raw: string): string | null {
  if (!raw.isWellFormed() || raw.length > PERSON_NAME_MAX_CODE_POINTS * 8) return null;
  const name = raw.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (name === "" || codePoints(name) > PERSON_NAME_MAX_CODE_POINTS) return null;
  // \p{Cf} holds the joiners that emoji and some scripts need: those two stay.
  if (/[\p{Cc}\p{Co}\p{Cn}]/u.test(name)) return null;
  if (/\p{Cf}/u.test(name.replace(/[\u200c\u200d]/gu, ""))) return null;
  return name;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
