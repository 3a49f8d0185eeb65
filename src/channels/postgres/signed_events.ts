import type { Seal } from "./seal.ts";

/**
 * A signed event is valid for this long after the call of `channels.group_send`, and so a transaction
 * may last after it; a copy replayed later is refused.
 */
export const SIGNED_EVENT_TTL_MS = 3_600_000;

const MAX_REMEMBERED = 100_000;
const MAX_INCOMPLETE = 64;
const MAX_PIECES = 1_024;

/**
 * Opens what `channels.publish_signed` sent: verifies each piece, puts pieces together, and lets
 * each event through once.
 */
export class SignedEvents {
  readonly #seal: Seal;
  readonly #now: () => number;
  /** Nonces that were let through, with the time when they may be forgotten. */
  readonly #seen = new Map<string, number>();
  readonly #incomplete = new Map<string, string[]>();

  constructor(seal: Seal, now: () => number) {
    this.#seal = seal;
    this.#now = now;
  }

  open(payload: string): { readonly json: string } | "incomplete" | "unknown key" | "forged" {
    const match = SIGNED.exec(payload);
    if (match === null) return "forged";
    const [, head, keyId, nonce, sentAt, index, count, signature, piece] = match as unknown as
      & string[]
      & { length: 9 };
    const valid = this.#seal.verify(Number(keyId), `${head} ${piece}`, signature!);
    if (valid === null) return "unknown key";
    const now = this.#now();
    const late = Math.abs(now - Number(sentAt)) > SIGNED_EVENT_TTL_MS;
    if (!valid || late || this.#seen.has(nonce!)) return "forged";
    const json = this.#assemble(nonce!, Number(index), Number(count), piece!);
    if (json === null) return "incomplete";
    this.#remember(nonce!, now);
    return { json };
  }

  #assemble(nonce: string, index: number, count: number, piece: string): string | null {
    if (count === 1) return piece;
    const pieces = this.#incomplete.get(nonce) ?? [];
    if (index !== pieces.length + 1 || count > MAX_PIECES) {
      this.#incomplete.delete(nonce);
      return null;
    }
    pieces.push(piece);
    if (index === count) {
      this.#incomplete.delete(nonce);
      return pieces.join("");
    }
    this.#incomplete.set(nonce, pieces);
    if (this.#incomplete.size > MAX_INCOMPLETE) {
      this.#incomplete.delete(this.#incomplete.keys().next().value!);
    }
    return null;
  }

  #remember(nonce: string, now: number): void {
    this.#seen.set(nonce, now + SIGNED_EVENT_TTL_MS);
    for (const [old, until] of this.#seen) {
      if (until > now && this.#seen.size <= MAX_REMEMBERED) break;
      this.#seen.delete(old);
    }
  }
}

const SIGNED = /^(s (\d+) ([0-9a-f-]{36}) (\d+) (\d+) (\d+)) ([0-9a-f]{64}) ([^]*)$/;
