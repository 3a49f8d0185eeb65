/**
 * The load: a process of its own that opens the sockets, sends at fixed times whatever happens, and
 * checks everything that arrives. Takes a {@linkcode LoadPlan} as its argument; writes `started` and
 * `measured` lines, then a {@linkcode LoadResult} as JSON.
 *
 * @module
 */
import { Histogram } from "./histogram.ts";
import { LoadSocket, textFrame } from "./load_socket.ts";

/** What is sent, and to whom. */
export interface LoadPlan {
  /** The members of a room are spread over these. */
  readonly ports: readonly number[];
  /** Names of rooms that exist. */
  readonly rooms: readonly string[];
  readonly members: number;
  /** Messages a second, over all rooms. */
  readonly rate: number;
  /** Measured time; the warm-up comes before it. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly framing: "v1" | "plain";
  /** Length of a message's text. */
  readonly bytes: number;
}

/** What came of it. Latencies in ms, from the time at which a message was due. */
export interface LoadResult {
  readonly sent: number;
  readonly acked: number;
  readonly deliveries: number;
  /** Within the measured time, a second. */
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly ack: Quantiles;
  readonly delivery: Quantiles;
  readonly lost: number;
  readonly doubled: number;
  /** Members that saw another order than the first member of their room, or a gap. */
  readonly otherOrder: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly closed: number;
}

/** In ms. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const TICK_MS = 1;
const DRAIN_TIMEOUT_MS = 8_000;
// The index of a message is in the last twelve digits of its id.
const ID_PREFIX = "00000000-0000-4000-8000-";
const POSITION_AT = '{"type":"message","position":'.length;
const LETTER = { m: 0x6d, a: 0x61, e: 0x65, newline: 0x0a, comma: 0x2c, quote: 0x22 } as const;

interface Member {
  readonly room: number;
  lastSeq: number;
  received: number;
  disordered: boolean;
  socket: LoadSocket;
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(Deno.args[0]!) as LoadPlan)));
  Deno.exit(0);
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const total = Math.round(plan.rate * (plan.seconds + plan.warmUpSeconds));
  const due = new Float64Array(total);
  const acked = new Uint8Array(total);
  const errors: Record<string, number> = {};
  const orders = plan.rooms.map(() => [] as number[]);
  const ack = new Histogram();
  const delivery = new Histogram();
  let [ackCount, deliveries, doubled, measuredDeliveries] = [0, 0, 0, 0];
  let measuring = false;
  const decoder = new TextDecoder();

  /** Reads one JSON object in place: the server writes its fields in a fixed order. */
  const takeLine = (member: Member, bytes: Uint8Array, start: number, end: number) => {
    const kind = bytes[start + 9];
    if (kind === LETTER.m) {
      let at = start + POSITION_AT;
      while (bytes[at] !== LETTER.comma) at++;
      at += ',"seq":'.length;
      let seq = 0;
      for (; bytes[at] !== LETTER.comma; at++) seq = seq * 10 + bytes[at]! - 48;
      at += ',"version":'.length;
      while (bytes[at] !== LETTER.comma) at++;
      takeMessage(member, seq, indexOf(bytes, at + ',"id":"'.length));
    } else if (kind === LETTER.a) {
      const index = indexOf(bytes, start + '{"type":"ack","id":"'.length);
      if (acked[index] === 1) return;
      acked[index] = 1;
      ackCount++;
      if (measuring) ack.add(performance.now() - due[index]!);
    } else if (kind === LETTER.e) {
      const { code } = JSON.parse(decoder.decode(bytes.subarray(start, end))) as { code: string };
      errors[code] = (errors[code] ?? 0) + 1;
    }
  };

  const takeMessage = (member: Member, seq: number, index: number) => {
    deliveries++;
    member.received++;
    if (measuring) {
      measuredDeliveries++;
      delivery.add(performance.now() - due[index]!);
    }
    if (seq === member.lastSeq) doubled++;
    else if (member.lastSeq !== 0 && seq !== member.lastSeq + 1) member.disordered = true;
    member.lastSeq = seq;
    const order = orders[member.room]!;
    const known = order[seq];
    if (known === undefined) order[seq] = index;
    else if (known !== index) member.disordered = true;
  };

  const members: Member[] = [];
  for (let slot = 0; slot < plan.members; slot++) {
    await Promise.all(plan.rooms.map(async (name, room) => {
      const member = { room, lastSeq: 0, received: 0, disordered: false } as Member;
      const port = plan.ports[slot % plan.ports.length]!;
      member.socket = await LoadSocket.open(
        port,
        `/ws/chat/${name}/`,
        plan.framing === "v1" ? "maru.v1" : null,
        (bytes, start, end) => {
          if (plan.framing === "plain") return takeLine(member, bytes, start, end);
          for (let at = start; at < end;) {
            let stop = at;
            while (stop < end && bytes[stop] !== LETTER.newline) stop++;
            takeLine(member, bytes, at, stop);
            at = stop + 1;
          }
        },
      );
      members.push(member);
    }));
  }
  const bySlot = new Map(
    plan.rooms.map((_, room) => [room, members.filter((m) => m.room === room)]),
  );
  console.log("started");

  const text = "a message as people write them, ".repeat(1 + plan.bytes / 32).slice(0, plan.bytes);
  const startAt = performance.now() + 100;
  const measureFrom = startAt + plan.warmUpSeconds * 1000;
  const endAt = measureFrom + plan.seconds * 1000;
  for (let i = 0; i < total; i++) due[i] = startAt + i * 1000 / plan.rate;
  let sent = 0;
  while (sent < total || performance.now() < endAt) {
    const now = performance.now();
    if (!measuring && now >= measureFrom) {
      measuring = true;
      console.log("measuring");
    }
    while (sent < total && due[sent]! <= now) {
      const inRoom = bySlot.get(sent % plan.rooms.length)!;
      const member = inRoom[Math.floor(sent / plan.rooms.length) % inRoom.length]!;
      const id = ID_PREFIX + sent.toString(16).padStart(12, "0");
      member.socket.send(textFrame(`{"type":"message","id":"${id}","message":"${text}"}`));
      sent++;
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const inWindow = measuredDeliveries;
  const ackedInWindow = ack.count;
  console.log("measured");
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  const expected = total * plan.members;
  while (performance.now() < deadline && deliveries < expected) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const result: LoadResult = {
    sent,
    acked: ackCount,
    deliveries,
    messagesPerSecond:
      (plan.framing === "v1" && ackedInWindow > 0 ? ackedInWindow : inWindow / plan.members) /
      plan.seconds,
    deliveriesPerSecond: inWindow / plan.seconds,
    ack: quantiles(ack),
    delivery: quantiles(delivery),
    lost: Math.max(0, expected - (deliveries - doubled)),
    doubled,
    otherOrder: members.filter((member) => member.disordered).length,
    errors,
    closed: members.filter((member) => member.socket.closed).length,
  };
  for (const member of members) member.socket.close();
  return result;
}

function indexOf(bytes: Uint8Array, idAt: number): number {
  let index = 0;
  for (let at = idAt + ID_PREFIX.length; bytes[at] !== LETTER.quote; at++) {
    const digit = bytes[at]!;
    index = index * 16 + (digit < 58 ? digit - 48 : digit - 87);
  }
  return index;
}

function quantiles(histogram: Histogram): Quantiles {
  return {
    p50: histogram.quantile(0.5),
    p95: histogram.quantile(0.95),
    p99: histogram.quantile(0.99),
    max: histogram.max,
  };
}
