import { Buffer } from "node:buffer";
import type { MemberInfo } from "./groups.ts";

/**
 * What travels between layers: a head of one line, and behind it JSON that only a receiver reads
 * whom the head concerns.
 */
export interface LayerEvent {
  readonly kind: keyof typeof KINDS;
  /** A channel, or none. */
  readonly channel: string;
  /** A group, or none. */
  readonly group: string;
  /** A message, or who a member is; as JSON. */
  readonly text: string;
}

const KINDS = {
  groupSend: "g",
  send: "c",
  add: "+",
  discard: "-",
  wake: "w",
  flush: "f",
} as const;

const KIND_OF = new Map<string, LayerEvent["kind"]>(
  Object.entries(KINDS).map(([kind, letter]) => [letter, kind as LayerEvent["kind"]]),
);

/** Encodes an event; what is not told is empty. */
export function encodeEvent(
  kind: LayerEvent["kind"],
  { channel = "", group = "", text = "" }: Partial<Omit<LayerEvent, "kind">> = {},
): Uint8Array {
  return Buffer.from(`${KINDS[kind]} ${channel} ${group}\n${text}`);
}

/** Decodes an event; null when it is none, of a newer version perhaps. */
export function decodeEvent(bytes: Uint8Array): LayerEvent | null {
  const buffer = bytes instanceof Buffer
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headEnd = buffer.indexOf(NEWLINE);
  const head = buffer.toString("latin1", 0, headEnd);
  const kind = head[1] === " " ? KIND_OF.get(head[0]!) : undefined;
  return kind === undefined ? null : new DecodedEvent(kind, head, buffer, headEnd + 1);
}

/** Nearly all that an instance hears is this, and of that most concerns nobody here. */
class DecodedEvent implements LayerEvent {
  readonly kind: LayerEvent["kind"];
  readonly channel: string;
  readonly group: string;
  readonly #buffer: Buffer;
  readonly #textAt: number;

  constructor(kind: LayerEvent["kind"], head: string, buffer: Buffer, textAt: number) {
    const channelEnd = head.indexOf(" ", 2);
    this.kind = kind;
    this.channel = head.slice(2, channelEnd);
    this.group = head.slice(channelEnd + 1);
    this.#buffer = buffer;
    this.#textAt = textAt;
  }

  get text(): string {
    return this.#buffer.toString("utf8", this.#textAt);
  }
}

/** An event of the SQL door: `{"group", "message"}`, `{"channel", "message"}` or `{"wake"}`. */
export function decodeSqlEvent(bytes: Uint8Array): LayerEvent {
  const event = JSON.parse(new TextDecoder().decode(bytes)) as {
    group?: string;
    channel?: string;
    wake?: string;
    message?: unknown;
  };
  const { group = "", channel = event.wake ?? "", message } = event;
  const kind = event.wake !== undefined ? "wake" : group === "" ? "send" : "groupSend";
  return { kind, channel, group, text: JSON.stringify(message) ?? "" };
}

/** Who a member is, as it travels with an add. */
export function decodeInfo(text: string): MemberInfo | null {
  return text === "" ? null : JSON.parse(text) as MemberInfo;
}

const NEWLINE = 0x0a;
