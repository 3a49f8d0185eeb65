import { Buffer } from "node:buffer";
import { MessageTooLargeError } from "./errors.ts";

/** What travels through a channel: a JSON object, by convention with a `type`. */
export type Message = { readonly [key: string]: unknown };

/** A message is at most this long, as JSON in UTF-8. */
export const MESSAGE_MAX_BYTES = 1024 * 1024;

/** A message as it travels, and as it is received. */
export interface EncodedMessage {
  /** As JSON. */
  readonly text: string;
  /** A frozen copy, so that no receiver changes another's, or the sender's own; made when asked for. */
  readonly frozen: Message;
}

/**
 * Encodes a message.
 *
 * @throws {TypeError} when it is no JSON object: an array, a Map, with a cycle or a BigInt
 * @throws {MessageTooLargeError} above {@linkcode MESSAGE_MAX_BYTES}
 */
export function encodeMessage(message: Message): EncodedMessage {
  const kind = Object.prototype.toString.call(message);
  if (kind !== "[object Object]") {
    throw new TypeError(`Cannot send ${kind}: a message is a JSON object`);
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(message);
  } catch (error) {
    throw new TypeError(`Cannot send the message: ${(error as Error).message}`, { cause: error });
  }
  // A toJSON of its own can make anything of an object.
  if (!text?.startsWith("{")) {
    throw new TypeError(`Cannot send the message: as JSON it is ${text}, not an object`);
  }
  // No character of a string is more than three bytes: most need not be counted.
  if (text.length > MESSAGE_MAX_BYTES / 3) {
    const bytes = Buffer.byteLength(text);
    if (bytes > MESSAGE_MAX_BYTES) throw new MessageTooLargeError(bytes, MESSAGE_MAX_BYTES);
  }
  return {
    text,
    get frozen() {
      return decodeMessage(text);
    },
  };
}

/** Decodes what {@linkcode encodeMessage} made, frozen to its depths. */
export function decodeMessage(text: string): Message {
  return deepFreeze(JSON.parse(text)) as Message;
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === "object" && value !== null) {
    for (const key in value) deepFreeze((value as Record<string, unknown>)[key]);
    Object.freeze(value);
  }
  return value;
}
