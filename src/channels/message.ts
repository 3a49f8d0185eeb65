import { Buffer } from "node:buffer";
import { MessageTooLargeError } from "./errors.ts";

/** What travels through a channel: a JSON object, by convention with a `type`. */
export type Message = { readonly [key: string]: unknown };

/** A message is at most this long, as JSON in UTF-8. */
export const MESSAGE_MAX_BYTES = 1024 * 1024;

/**
 * A message is nested at most so deep, itself included: `{}` is 1 deep, `{ "list": [{}] }` is 3.
 * PostgreSQL reads JSON about 6,000 deep.
 */
export const MESSAGE_MAX_DEPTH = 1_000;

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
 * @throws {TypeError} when it is no JSON object: an array, a Map, with a cycle or a BigInt; or
 * nested deeper than {@linkcode MESSAGE_MAX_DEPTH}
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
    throw new TypeError(`Cannot send the message: ${whyNot(error)}`, { cause: error });
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
  if (isTooDeep(text)) throw new TypeError(`Cannot send the message: ${TOO_DEEP}`);
  return {
    text,
    get frozen() {
      return decodeMessage(text);
    },
  };
}

/**
 * Decodes what {@linkcode encodeMessage} made, frozen to its depths.
 *
 * @throws {SyntaxError} when it is no JSON
 * @throws {TypeError} when it is no object, or nested deeper than {@linkcode MESSAGE_MAX_DEPTH}
 */
export function decodeMessage(text: string): Message {
  const message: unknown = JSON.parse(text);
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new TypeError("Cannot receive the message: it is no JSON object");
  }
  deepFreeze(message);
  return message as Message;
}

const TOO_DEEP = `it is nested deeper than ${MESSAGE_MAX_DEPTH}`;

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return "something in it cannot be read";
  // What JSON.stringify cannot do by loops it does by recursion, as with a toJSON.
  return /call stack/.test(error.message) ? TOO_DEEP : error.message;
}

/** Goes by the text, which is there: most are too short to be deep, and strings are jumped over. */
function isTooDeep(text: string): boolean {
  if (text.length <= 2 * MESSAGE_MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > MESSAGE_MAX_DEPTH) return true;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
  return false;
}

function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

/** Level by level: what comes from elsewhere may be deeper than the stack. */
function deepFreeze(message: object): void {
  let level = [message];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MESSAGE_MAX_DEPTH) throw new TypeError(`Cannot receive the message: ${TOO_DEEP}`);
    const next: object[] = [];
    for (const value of level) {
      for (const key in value) {
        const inner = (value as Record<string, unknown>)[key];
        if (typeof inner === "object" && inner !== null) next.push(inner);
      }
      Object.freeze(value);
    }
    level = next;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
