import { Buffer } from "node:buffer";

/** A publication that waits to be sent. */
export interface Publication {
  readonly topic: string;
  readonly bytes: Uint8Array;
  /** The one instance that gets it, or all. */
  readonly to: string | undefined;
}

/** One payload's worth of publications, for one NOTIFY channel. */
export interface Packet {
  readonly to: string | undefined;
  readonly bytes: Uint8Array;
  /** How many publications end in it. */
  readonly publications: number;
  /** Whether the next one goes on with its last publication: they belong into one transaction. */
  readonly continued: boolean;
}

/** A publication of more than this does not pass. */
export const PUBLICATION_MAX_BYTES = 2 * 1024 * 1024;

const NONE = Buffer.alloc(0);

const WHOLE = 0;
const PIECE = 1;
const LAST_PIECE = 2;
/** Publications were dropped before this one. */
const OVERFLOW = 3;

// Length of the topic, kind, length of the bytes.
const RECORD_HEADER_BYTES = 1 + 1 + 4;

/** What a record costs beside the bytes of its publication; topics are ASCII. */
export function recordOverhead(topic: string): number {
  return RECORD_HEADER_BYTES + topic.length;
}

/**
 * Packs publications, in order, into as few packets as possible; one that does not fit into a
 * packet goes in pieces. Neighbours for the same instance share a packet.
 *
 * @param limit the most bytes of a packet
 */
export function pack(publications: readonly Publication[], limit: number): Packet[] {
  const packets: Packet[] = [];
  let buffer = NONE;
  let length = 0;
  let publicationsIn = 0;
  let to: string | undefined;
  let lastTopic = "";
  let topicBytes = NONE;
  // A buffer is as long as the rest can fill: most often there is one small publication.
  let rest = 0;
  for (const { topic, bytes } of publications) rest += recordOverhead(topic) + bytes.length;
  const close = (continued = false) => {
    if (length > 0) {
      const bytes = buffer.subarray(0, length);
      packets.push({ to, bytes, publications: publicationsIn, continued });
    }
    buffer = NONE;
    length = 0;
    publicationsIn = 0;
  };
  for (const { topic, bytes, to: receiver } of publications) {
    if (receiver !== to) close();
    to = receiver;
    if (topic !== lastTopic) topicBytes = Buffer.from(lastTopic = topic, "latin1");
    const overhead = recordOverhead(topic);
    if (overhead + bytes.length > limit - length) close();
    if (overhead + bytes.length <= limit) {
      if (buffer === NONE) buffer = Buffer.allocUnsafe(Math.min(limit, rest));
      length = writeRecord(buffer, length, topicBytes, WHOLE, bytes);
      publicationsIn++;
      rest -= overhead + bytes.length;
      continue;
    }
    const room = limit - overhead;
    for (let at = 0; at < bytes.length; at += room) {
      const last = at + room >= bytes.length;
      const piece = bytes.subarray(at, at + room);
      buffer = Buffer.allocUnsafe(last ? limit : overhead + room);
      length = writeRecord(buffer, 0, topicBytes, last ? LAST_PIECE : PIECE, piece);
      if (last) publicationsIn++;
      else close(true);
    }
  }
  close();
  return packets;
}

/** A packet that says: before this, publications were dropped. */
export function overflowPacket(): Packet {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  return {
    to: undefined,
    bytes: bytes.subarray(0, writeRecord(bytes, 0, NONE, OVERFLOW, NONE)),
    publications: 0,
    continued: false,
  };
}

function writeRecord(
  buffer: Buffer,
  at: number,
  topic: Uint8Array,
  kind: number,
  bytes: Uint8Array,
): number {
  buffer[at] = topic.length;
  buffer.set(topic, at + 1);
  at += 1 + topic.length;
  buffer[at] = kind;
  buffer.writeUInt32BE(bytes.length, at + 1);
  buffer.set(bytes, at + 5);
  return at + 5 + bytes.length;
}

/** Who hears what an {@linkcode Unpacker} finds. */
export interface UnpackHandler {
  deliver(topic: string, bytes: Uint8Array): void;
  overflow(): void;
}

/**
 * Takes the packets of one publisher apart and puts pieces together again. A publisher sends the
 * pieces of one publication in one transaction, so at most one is incomplete at a time.
 */
export class Unpacker {
  #pieces: Buffer[] = [];
  #bytes = 0;

  unpack(packet: Uint8Array, handler: UnpackHandler): void {
    const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
    let topic = "";
    let topicAt = -1;
    for (let at = 0; at < buffer.length;) {
      const topicLength = buffer[at]!;
      // Most often it is the one before: comparing is cheaper than decoding.
      if (topicAt < 0 || !sameBytes(buffer, topicAt, at, 1 + topicLength)) {
        topic = buffer.toString("latin1", at + 1, at + 1 + topicLength);
        topicAt = at;
      }
      at += 1 + topicLength;
      const kind = buffer[at]!;
      const length = buffer.readUInt32BE(at + 1);
      const bytes = buffer.subarray(at + 5, at + 5 + length);
      at += 5 + length;
      if (kind === WHOLE) handler.deliver(topic, bytes);
      else if (kind === OVERFLOW) handler.overflow();
      else this.#takePiece(topic, bytes, kind === LAST_PIECE, handler);
    }
  }

  /** A packet is missing: what was begun before it is not to be completed. */
  forget(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #takePiece(topic: string, bytes: Buffer, last: boolean, handler: UnpackHandler): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > PUBLICATION_MAX_BYTES) this.forget();
    else if (last) {
      const whole = Buffer.concat(this.#pieces);
      this.forget();
      handler.deliver(topic, whole);
    }
  }
}

function sameBytes(buffer: Buffer, one: number, other: number, length: number): boolean {
  let i = 0;
  while (i < length && buffer[one + i] === buffer[other + i]) i++;
  return i === length;
}
