import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Pool } from "../db/pool.ts";
import { guestName } from "./guest_names.ts";
import type { Person } from "./person.ts";

/** What {@linkcode Accounts} are made of. */
export interface AccountsOptions {
  readonly readers: Pool;
  /** Randomness for names. @default {Math.random} */
  readonly random?: () => number;
}

/**
 * Who somebody is. For now everybody is a guest: a row in `users`, and a token that names it,
 * signed with a key that all instances share.
 */
export class Accounts {
  /** Somebody of whom nothing is known; has no row, can be given no right of their own. */
  readonly stranger: Person = { id: NIL_UUID, name: "", guest: true };
  readonly #options: AccountsOptions;
  #key: Promise<Uint8Array> | undefined;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** The person whom a token names, or `null` when it is forged, foreign, or of somebody gone. */
  async identify(token: string): Promise<Person | null> {
    const id = await this.#verify(token);
    if (id === null) return null;
    const [row] = await this.#options.readers.query((sql) =>
      sql<(PersonRow & { seen_lately: boolean })[]>`
        select id, name, is_guest, seen_at > now() - interval '1 day' as seen_lately
        from users where id = ${id}`
    );
    if (row === undefined) return null;
    if (!row.seen_lately) await this.#see(id);
    return toPerson(row);
  }

  /** Makes a new guest with a friendly name. */
  async createGuest(language: "en" | "ko"): Promise<Person> {
    const name = guestName(language, this.#options.random);
    const [row] = await this.#options.readers.query((sql) =>
      sql<PersonRow[]>`insert into users (name) values (${name}) returning id, name, is_guest`
    );
    return toPerson(row!);
  }

  /** The token by which a guest is known again: goes into a signed, HttpOnly cookie. */
  async issueToken(person: Person): Promise<string> {
    return `${person.id}.${await this.#sign(person.id)}`;
  }

  /** Changes the name that others see from now on; messages keep the one they were sent with. */
  async rename(person: Person, name: string): Promise<Person> {
    const [row] = await this.#options.readers.query((sql) =>
      sql<PersonRow[]>`
        update users set name = ${name} where id = ${person.id} returning id, name, is_guest`
    );
    if (row === undefined) throw new Error(`Cannot rename "${person.id}": no such person`);
    return toPerson(row);
  }

  /** Guests who were not seen for long are removed. Not being able to say so keeps nobody out. */
  async #see(id: string): Promise<void> {
    await this.#options.readers.query((sql) =>
      sql`update users set seen_at = now() where id = ${id}`
    ).catch(() => {});
  }

  async #verify(token: string): Promise<string | null> {
    const match = TOKEN.exec(token);
    if (match === null) return null;
    const [, id, signature] = match;
    const expected = new TextEncoder().encode(await this.#sign(id!));
    const given = new TextEncoder().encode(signature);
    // In constant time: a difference in timing would tell how much of a forgery is right.
    return expected.length === given.length && timingSafeEqual(expected, given) ? id! : null;
  }

  async #sign(id: string): Promise<string> {
    this.#key ??= this.#loadKey();
    let key: Uint8Array;
    try {
      key = await this.#key;
    } catch (error) {
      this.#key = undefined;
      throw error;
    }
    return createHmac("sha256", key).update(`guest:${id}`).digest("base64url");
  }

  async #loadKey(): Promise<Uint8Array> {
    // Encoded: with `bytea_output = 'escape'` postgres.js makes a byte or none of a bytea.
    const [row] = await this.#options.readers.query((sql) =>
      sql<{ secret: string }[]>`
        select encode(secret, 'hex') as secret from server_keys where name = 'guest_cookie'`
    );
    if (row === undefined) throw new Error('Cannot sign cookies: no key "guest_cookie"');
    return Buffer.from(row.secret, "hex");
  }
}

const NIL_UUID = "00000000-0000-0000-0000-000000000000";
const TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})$/;

interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly is_guest: boolean;
}

function toPerson(row: PersonRow): Person {
  return { id: row.id, name: row.name, guest: row.is_guest };
}
