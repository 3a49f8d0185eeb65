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

const KIND_OF = new Map(
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
  const line = bytes.indexOf(NEWLINE);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [letter = "", channel = "", group = ""] = buffer.toString("latin1", 0, line).split(" ");
  const kind = KIND_OF.get(letter as typeof KINDS[LayerEvent["kind"]]);
  if (kind === undefined) return null;
  return {
    kind,
    channel,
    group,
    get text() {
      return buffer.toString("utf8", line + 1);
    },
  };
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
