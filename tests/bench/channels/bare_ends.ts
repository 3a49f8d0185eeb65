import type postgres from "postgres";
import { connect } from "../../../src/db/pool.ts";
import type { BenchMessage, HearMessage, SendingEnd } from "./carrier.ts";

/** PostgreSQL refuses a payload of one byte more; the bench's texts are ASCII. */
const PAYLOAD_MAX_BYTES = 7_999;
/** In front of each piece: how many come after it. */
const PIECE_HEAD_BYTES = 3;
const PIECE_BYTES = PAYLOAD_MAX_BYTES - PIECE_HEAD_BYTES;

/** How the calls of {@linkcode openBareSender} follow one another. */
export interface BareSenderOptions {
  /** Each call is awaited before the next one; else many are in flight on the one connection. */
  readonly awaited: boolean;
}

/**
 * Sends by `pg_notify` as postgres.js does it: one call for each message, or for each piece of one
 * that exceeds a payload; a group is a NOTIFY channel.
 */
export function openBareSender(url: string, { awaited }: BareSenderOptions): SendingEnd {
  const sql = connect(url, { name: "bare-notify" });
  let inFlight = 0;
  let progress = Promise.withResolvers<void>();
  const notify = async (group: number, pieces: readonly string[]) => {
    const calls: PromiseLike<unknown>[] = [];
    for (const piece of pieces) {
      const call = sql.notify(channelName(group), piece);
      if (awaited) await call;
      else calls.push(call);
    }
    await Promise.all(calls);
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
      void notify(group, cut(JSON.stringify(message)));
    },
    progress: () => progress.promise,
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  };
}

/** Hears by `LISTEN` as postgres.js does it, all channels on one connection. */
export async function openBareReceiver(
  url: string,
  groups: number,
  hear: HearMessage,
): Promise<AsyncDisposable> {
  const sql: postgres.Sql<{ bigint: number }> = connect(url, { name: "bare-listen" });
  for (let group = 0; group < groups; group++) {
    let text = "";
    await sql.listen(channelName(group), (payload) => {
      text += payload.slice(PIECE_HEAD_BYTES);
      if (Number(payload.slice(0, PIECE_HEAD_BYTES)) > 0) return;
      const whole = text;
      text = "";
      hear(group, JSON.parse(whole) as BenchMessage);
    });
  }
  return { [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

function cut(text: string): string[] {
  const count = Math.max(1, Math.ceil(text.length / PIECE_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const head = String(count - 1 - i).padStart(PIECE_HEAD_BYTES, "0");
    return head + text.slice(i * PIECE_BYTES, (i + 1) * PIECE_BYTES);
  });
}

function channelName(group: number): string {
  return `bare_${group}`;
}
