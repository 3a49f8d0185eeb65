/**
 * The load: a process of its own that opens the sockets, sends at fixed times whatever happens, and
 * checks everything that arrives. Takes a {@linkcode LoadPlan} as its argument; writes `started`, `measuring`
 * and `measured` lines, then a {@linkcode LoadResult} as JSON.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { enterRoom, type Framing, messageFrame } from "./dialect.ts";
import { Histogram } from "./histogram.ts";
import type { LoadSocket } from "./load_socket.ts";
import { compareOrders } from "./orders.ts";

/** What is sent, and to whom. */
export interface LoadPlan {
  /** The members of a room are spread over these, those of the next room from the next one on. */
  readonly ports: readonly number[];
  /** Names of rooms that exist. */
  readonly rooms: readonly string[];
  readonly members: number;
  /** Messages a second, over all rooms. */
  readonly rate: number;
  /** Measured time; the warm-up comes before it. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly framing: Framing;
  /** Whether the messages of a room are numbered 1, 2, 3 …: a gap is another order then. */
  readonly gapless: boolean;
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
  /** CPU time of the load itself within the measured time, in ms. */
  readonly loadCpuMs: number;
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

interface Member {
  readonly room: number;
  /** Indexes of messages, in the order of their arrival. */
  readonly received: number[];
  lastSeq: number;
  gap: boolean;
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
  const ack = new Histogram();
  const delivery = new Histogram();
  let [ackCount, deliveries, measuredDeliveries] = [0, 0, 0];
  let measuring = false;
  let cpuBefore = cpuUsage();

  const takeAck = (index: number) => {
    if (acked[index] === 1) return;
    acked[index] = 1;
    ackCount++;
    if (measuring) ack.add(performance.now() - due[index]!);
  };

  const takeMessage = (member: Member, seq: number, index: number) => {
    deliveries++;
    member.received.push(index);
    if (measuring) {
      measuredDeliveries++;
      delivery.add(performance.now() - due[index]!);
    }
    if (seq > member.lastSeq + 1 && member.lastSeq !== 0) member.gap = true;
    member.lastSeq = seq;
  };

  const members: Member[] = [];
  for (let slot = 0; slot < plan.members; slot++) {
    await Promise.all(plan.rooms.map(async (name, room) => {
      const member = { room, received: [], lastSeq: 0, gap: false } as unknown as Member;
      const entered = await enterRoom(name, {
        port: plan.ports[(room + slot) % plan.ports.length]!,
        framing: plan.framing,
        hearing: {
          message: (seq, index) => takeMessage(member, seq, index),
          ack: takeAck,
          error: (code) => errors[code] = (errors[code] ?? 0) + 1,
        },
      });
      member.socket = entered.socket;
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
      cpuBefore = cpuUsage();
      console.log("measuring");
    }
    while (sent < total && due[sent]! <= now) {
      const inRoom = bySlot.get(sent % plan.rooms.length)!;
      const member = inRoom[Math.floor(sent / plan.rooms.length) % inRoom.length]!;
      member.socket.send(messageFrame(plan.framing, sent, text));
      sent++;
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const inWindow = measuredDeliveries;
  const ackedInWindow = ack.count;
  const { user, system } = cpuUsage(cpuBefore);
  console.log("measured");
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  const expected = total * plan.members;
  while (performance.now() < deadline && deliveries < expected) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const orders = [...bySlot.values()].map((inRoom) => {
    const { doubled, differs } = compareOrders(inRoom.map((member) => member.received));
    const other = inRoom.filter((m, i) => differs[i]! || plan.gapless && m.gap).length;
    return { doubled, other };
  });
  const doubled = orders.reduce((sum, room) => sum + room.doubled, 0);
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
    otherOrder: orders.reduce((sum, room) => sum + room.other, 0),
    errors,
    closed: members.filter((member) => member.socket.closed).length,
    loadCpuMs: (user + system) / 1000,
  };
  for (const member of members) member.socket.close();
  return result;
}

function quantiles(histogram: Histogram): Quantiles {
  return {
    p50: histogram.quantile(0.5),
    p95: histogram.quantile(0.95),
    p99: histogram.quantile(0.99),
    max: histogram.max,
  };
}
