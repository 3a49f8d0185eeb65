import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { ServerClock } from "./server_clock.ts";

/** What a NOTIFY payload may be long, in bytes: one more is refused. */
export const PAYLOAD_MAX_BYTES = 7_999;

const VERSION = 2;
const SECRET_MIN_BYTES = 32;
const CIPHER = "chacha20-poly1305";
const INSTANCE_BYTES = 16;
// Version, key id, instance: 21 bytes, which base64 makes 28 characters of, whatever follows.
const PREFIX_BYTES = 1 + 4 + INSTANCE_BYTES;
const PREFIX_LENGTH = PREFIX_BYTES / 3 * 4;
const HEADER_BYTES = PREFIX_BYTES + 8;
const TAG_BYTES = 16;
const AUTH_TAG = { authTagLength: TAG_BYTES } as const;

/** The most bytes that one sealed payload carries, after base64 and what sealing adds. */
export const SEALED_MAX_BYTES: number = Math.floor(PAYLOAD_MAX_BYTES / 4) * 3 - HEADER_BYTES -
  TAG_BYTES;

/** A payload that was opened. */
export interface Opened {
  readonly from: string;
  /** When it was sealed, in µs since 1970 of the server's clock; grows with each of a publisher's. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Why a payload was not opened. */
export type Unopened = "own" | "unknown key" | "forged";

/**
 * What new keys change: `added`, there is one that was not known; `replaced`, the one that this
 * instance sealed with is gone, so that others may not have opened what it sealed.
 */
export type KeyChange = "none" | "added" | "replaced";

/**
 * Seals payloads with ChaCha20-Poly1305 (RFC 8439) and opens them: LISTEN and NOTIFY know no
 * privileges, any role that may connect can read and write them. In Deno's `node:crypto` it takes a
 * quarter of the time of AES-256-GCM, and promises the same.
 *
 * Each instance encrypts with a key of its own, derived from the shared one by HMAC over its name,
 * so a number that only grows is a safe nonce (RFC 8439, section 4): it never repeats under one key.
 * It is the time in µs, so that a late copy is known for one; where the server's clock was put back
 * it goes on from the last, until the clock has come that far.
 *
 * Layout before base64: version, key id, instance (16 hex-decoded bytes), number; then ciphertext
 * and tag. The header is authenticated, and tells an instance its own payloads without opening.
 */
export class Seal {
  readonly #instance: Buffer;
  readonly #clock: ServerClock;
  readonly #keys = new Map<number, Uint8Array>();
  /** Publishers, by how their payloads begin. */
  readonly #publishers = new Map<string, Publisher>();
  /** The payload that is sealed or opened; making a buffer costs more than filling it. */
  readonly #payload = Buffer.alloc(PAYLOAD_MAX_BYTES);
  /** What this instance's own payloads begin with; ends with the number of the last. */
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #ownKey: Buffer | null = null;
  /** The key that it seals with; 0 while there never was one. */
  #newest = 0;
  /** How this instance's own payloads begin: they are known without being decoded. */
  #ownPrefix = "";
  #number = 0;

  /** @param instance 32 hexadecimal digits */
  constructor(instance: string, clock: ServerClock) {
    this.#clock = clock;
    this.#instance = Buffer.from(instance, "hex");
    if (this.#instance.length !== INSTANCE_BYTES) {
      throw new TypeError(`Cannot use instance "${instance}": not 32 hexadecimal digits`);
    }
  }

  /** Whether there is a key. */
  get ready(): boolean {
    return this.#keys.size > 0;
  }

  /**
   * From now on these open, and the newest seals; without any, it seals on with the last.
   *
   * @throws {RangeError} when one is short enough to be guessed: nothing is changed then
   */
  setKeys(keys: readonly { readonly id: number; readonly secret: Uint8Array }[]): KeyChange {
    for (const { id, secret } of keys) {
      if (secret.length >= SECRET_MIN_BYTES) continue;
      throw new RangeError(
        `Cannot seal with key ${id} of channels.keys: its secret was read as ${secret.length} bytes, ` +
          `not ${SECRET_MIN_BYTES}`,
      );
    }
    const added = keys.some(({ id }) => !this.#keys.has(id));
    const sealedWith = this.#newest;
    this.#keys.clear();
    this.#publishers.clear();
    for (const { id, secret } of keys) this.#keys.set(id, secret);
    if (keys.length === 0) return "none";
    this.#newest = Math.max(...this.#keys.keys());
    this.#header[0] = VERSION;
    this.#header.writeUInt32BE(this.#newest, 1);
    this.#instance.copy(this.#header, 5);
    this.#ownPrefix = this.#header.toString("base64", 0, PREFIX_BYTES);
    this.#ownKey = this.#deriveKey(this.#header);
    if (sealedWith === 0) return "none";
    if (!this.#keys.has(sealedWith)) return "replaced";
    return added ? "added" : "none";
  }

  seal(bytes: Uint8Array): string {
    const header = this.#header;
    this.#number = Math.max(this.#number + 1, Math.floor(this.#clock.now() * 1_000));
    header.writeDoubleBE(this.#number, PREFIX_BYTES);
    const cipher = createCipheriv(CIPHER, this.#ownKey!, nonce(header), AUTH_TAG);
    cipher.setAAD(header, { plaintextLength: bytes.length });
    const tagAt = HEADER_BYTES + bytes.length;
    this.#payload.set(header, 0);
    this.#payload.set(cipher.update(bytes), HEADER_BYTES);
    cipher.final();
    this.#payload.set(cipher.getAuthTag(), tagAt);
    return this.#payload.toString("base64", 0, tagAt + TAG_BYTES);
  }

  open(text: string): Opened | Unopened {
    if (text.startsWith(this.#ownPrefix)) return "own";
    const payload = this.#payload;
    const tagAt = payload.write(text, "base64") - TAG_BYTES;
    if (tagAt < HEADER_BYTES || payload[0] !== VERSION) return "forged";
    const header = payload.subarray(0, HEADER_BYTES);
    const publisher = this.#publisherOf(text.slice(0, PREFIX_LENGTH), header);
    if (typeof publisher === "string") return publisher;
    try {
      const decipher = createDecipheriv(CIPHER, publisher.key, nonce(header), AUTH_TAG);
      decipher.setAAD(header, { plaintextLength: tagAt - HEADER_BYTES });
      decipher.setAuthTag(payload.subarray(tagAt, tagAt + TAG_BYTES));
      const bytes = decipher.update(payload.subarray(HEADER_BYTES, tagAt));
      decipher.final();
      return { from: publisher.name, number: header.readDoubleBE(PREFIX_BYTES), bytes };
    } catch {
      return "forged";
    }
  }

  /** Whether `channels.publish_signed` made a signature over a text. */
  verify(keyId: number, text: string, signature: string): boolean | null {
    const secret = this.#keys.get(keyId);
    if (secret === undefined) return null;
    const expected = createHmac("sha256", secret).update(text).digest();
    const given = Buffer.from(signature, "hex");
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #publisherOf(prefix: string, header: Buffer): Publisher | "own" | "unknown key" {
    const known = this.#publishers.get(prefix);
    if (known !== undefined) return known;
    // Base64 can be written in other ways, too; so this is asked of the bytes.
    if (header.subarray(5, PREFIX_BYTES).equals(this.#instance)) return "own";
    const key = this.#deriveKey(header);
    if (key === null) return "unknown key";
    // Instances come and go; an attacker who invents names must not fill the memory.
    if (this.#publishers.size >= MAX_PUBLISHERS) this.#publishers.clear();
    const publisher = { name: header.toString("hex", 5, PREFIX_BYTES), key };
    // A string of its own: a part of the payload would keep the whole of it.
    this.#publishers.set(Buffer.from(prefix).toString(), publisher);
    return publisher;
  }

  #deriveKey(header: Buffer): Buffer | null {
    const secret = this.#keys.get(header.readUInt32BE(1));
    if (secret === undefined) return null;
    const name = header.toString("hex", 1, PREFIX_BYTES);
    return createHmac("sha256", secret).update("maru bus ").update(name).digest();
  }
}

/** Whoever sealed a payload. */
interface Publisher {
  readonly name: string;
  readonly key: Buffer;
}

const MAX_PUBLISHERS = 4_096;

function nonce(header: Buffer): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.set(header.subarray(PREFIX_BYTES), 4);
  return bytes;
}
