import pLimit from "p-limit";
import { connect } from "../../../src/db/pool.ts";
import type { BenchMessage, HearMessage, SendingEnd } from "./carrier.ts";

/** PostgreSQL refuses a payload of one byte more; the bench's texts are ASCII. */
const PAYLOAD_MAX_BYTES = 7_999;
/** In front of each piece: who sends it, and how many come after it, as two digits each. */
const HEAD_BYTES = 4;
const PIECE_BYTES = PAYLOAD_MAX_BYTES - HEAD_BYTES;

/** Who {@linkcode openBareSender} hears, and how its calls follow one another. */
export interface BareSenderOptions {
  readonly groups: number;
  /** Each call is awaited before the next one; else many are in flight on the one connection. */
  readonly awaited: boolean;
}

/**
 * Sends by `pg_notify` as postgres.js does it: one call for each message, or for each piece of one
 * that exceeds a payload; a group is a NOTIFY channel.
 *
 * It hears the groups, too, as an instance with users of its own has to, and as the layer's does; what
 * it hears is its own and is not looked at.
 */
export async function openBareSender(
  url: string,
  { awaited, groups }: BareSenderOptions,
): Promise<SendingEnd> {
  const listening = await listen(url, groups, () => () => {});
  const sql = connect(url, { name: "bare-notify" });
  const inTurn = pLimit(1);
  let inFlight = 0;
  let progress = Promise.withResolvers<void>();
  const notify = async (group: number, pieces: readonly string[]) => {
    const call = (piece: string) => sql.notify(channelName(group), piece);
    await Promise.all(pieces.map((piece) => awaited ? inTurn(() => call(piece)) : call(piece)));
    inFlight--;
    progress.resolve();
    progress = Promise.withResolvers();
  };
  return {
    get inFlight() {
      return inFlight;
    },
    send(group: number, message: BenchMessage) {
      inFlight++;
      void notify(group, cut(message.from, JSON.stringify(message)));
    },
    progress: () => progress.promise,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await listening[Symbol.asyncDispose]();
    },
  };
}

/** Hears by `LISTEN` as postgres.js does it, all channels on one connection. */
export async function openBareReceiver(
  url: string,
  groups: number,
  hear: HearMessage,
): Promise<AsyncDisposable> {
  return await listen(url, groups, (group) => {
    const begun = new Map<string, string>();
    return (payload) => {
      const from = payload.slice(0, 2);
      const text = (begun.get(from) ?? "") + payload.slice(HEAD_BYTES);
      const more = payload.slice(2, HEAD_BYTES) !== "00";
      begun.set(from, more ? text : "");
      if (!more) hear(group, JSON.parse(text) as BenchMessage);
    };
  });
}

async function listen(
  url: string,
  groups: number,
  handlerOf: (group: number) => (payload: string) => void,
): Promise<AsyncDisposable> {
  const sql = connect(url, { name: "bare-listen" });
  for (let group = 0; group < groups; group++) {
    await sql.listen(channelName(group), handlerOf(group));
  }
  return { [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

function cut(from: number, text: string): string[] {
  const count = Math.max(1, Math.ceil(text.length / PIECE_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const head = twoDigits(from) + twoDigits(count - 1 - i);
    return head + text.slice(i * PIECE_BYTES, (i + 1) * PIECE_BYTES);
  });
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function channelName(group: number): string {
  return `bare_${group}`;
}
