/**
 * The crowd: a process of its own with thousands of clients who hardly say a thing. Takes a
 * {@linkcode CrowdPlan} as its argument; writes a word at each stage and goes on when it is sent a
 * line; at last a {@linkcode CrowdResult} as JSON.
 *
 * @module
 */
import { enterRoom, type Framing, type Hearing, messageFrame, type Place } from "../dialect.ts";
import { Histogram } from "../histogram.ts";
import type { LoadSocket } from "../load_socket.ts";

/** What a crowd does: be there, or go away and come back to what it has missed. */
export type CrowdPlan = IdlePlan | ReturnPlan;

interface Crowd {
  readonly ports: readonly number[];
  readonly framing: Framing;
  /** Names of rooms that exist. */
  readonly rooms: readonly string[];
  /** Spread over the rooms. */
  readonly clients: number;
}

/** Enter, and be silent. */
export interface IdlePlan extends Crowd {
  readonly task: "idle";
  /** Who come and go before anything is measured, so that all code has run. */
  readonly early: number;
  /** From the last entrance until memory is read. */
  readonly settleSeconds: number;
}

/** Enter, read a little, go away, and come back all at once. */
export interface ReturnPlan extends Crowd {
  readonly task: "return";
  /** Messages in each room while they are away. */
  readonly missed: number;
}

/** What an idle crowd found. */
export interface IdleResult {
  readonly entered: number;
  /** Until all had entered. */
  readonly seconds: number;
  /** How long one took to enter: quantiles in ms. */
  readonly p50: number;
  readonly p99: number;
  /** Whom the server closed. */
  readonly closed: number;
}

/** What a crowd that came back found. Times in ms, from the moment at which all set out. */
export interface ReturnResult {
  readonly clients: number;
  /** Who got all that they had missed, once and in order. */
  readonly complete: number;
  /** Until a client had all. */
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
  /** Clients that could not enter at the first try, by what they were told. */
  readonly refused: Readonly<Record<string, number>>;
}

export type CrowdResult = IdleResult | ReturnResult;

/** How many are entering at a time, where they do not come all at once. */
const KNOCKING = 64;
const BUFFER_BYTES = 64 * 1024;
/** What the clients have read before they go. */
const READ_BEFORE = 5;
/** For the servers to bury those who went. */
const SETTLE_MS = 2_000;
const RETURN_TIMEOUT_MS = 60_000;
const TEXT = "a message as people write them, ".repeat(4).slice(0, 100);

if (import.meta.main) {
  const plan = JSON.parse(Deno.args[0]!) as CrowdPlan;
  const result = plan.task === "idle" ? await beIdle(plan) : await comeBack(plan);
  console.log(JSON.stringify(result));
  Deno.exit(0);
}

async function beIdle(plan: IdlePlan): Promise<IdleResult> {
  for (const socket of (await enterAll({ ...plan, clients: plan.early })).sockets) socket.close();
  await wait(SETTLE_MS);
  await stage("baseline");
  const { sockets, times, seconds } = await enterAll(plan);
  await wait(plan.settleSeconds * 1_000);
  await stage("idle");
  return {
    entered: sockets.length,
    seconds,
    p50: times.quantile(0.5),
    p99: times.quantile(0.99),
    closed: sockets.filter((socket) => socket.closed).length,
  };
}

async function enterAll({ ports, framing, rooms, clients }: Crowd) {
  const sockets: LoadSocket[] = [];
  const times = new Histogram();
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: KNOCKING }, async () => {
    while (next < clients) {
      const client = next++;
      const knockedAt = performance.now();
      const { socket } = await enterRoom(rooms[client % rooms.length]!, {
        port: portOf(ports, rooms, client),
        framing,
        hearing: { message: () => {} },
        bufferBytes: BUFFER_BYTES,
      });
      sockets.push(socket);
      times.add(performance.now() - knockedAt);
    }
  }));
  return { sockets, times, seconds: (performance.now() - startedAt) / 1_000 };
}

/** Who was in a room, and up to where they have read. */
interface Visitor {
  readonly client: number;
  readonly place: Place;
}

async function comeBack(plan: ReturnPlan): Promise<ReturnResult> {
  const { ports, framing, rooms } = plan;
  const speakers = await Promise.all(
    rooms.map((room, i) => enterSpeaker(room, ports[i % ports.length]!, framing)),
  );
  const speak = (messages: number) => Promise.all(speakers.map((say) => say(messages)));
  const visitors = await visit(plan, () => speak(READ_BEFORE));
  await speak(plan.missed);
  await wait(SETTLE_MS);
  return await measureReturn(plan, visitors);
}

/** All enter, hear what is said, and go. */
async function visit(plan: ReturnPlan, speak: () => Promise<unknown>): Promise<Visitor[]> {
  const { ports, framing, rooms, clients } = plan;
  const places: Place[] = [];
  const heardAll = Promise.withResolvers<void>();
  let heard = 0;
  const sockets: LoadSocket[] = [];
  for (let from = 0; from < clients; from += KNOCKING) {
    const knocking = Array.from({ length: Math.min(KNOCKING, clients - from) }, (_, i) => from + i);
    await Promise.all(knocking.map(async (client) => {
      const message = (seq: number) => {
        // Nothing but messages is sent: the position of one is its number.
        places[client] = { ...places[client]!, position: seq };
        if (++heard === clients * READ_BEFORE) heardAll.resolve();
      };
      const { socket, place } = await enterRoom(rooms[client % rooms.length]!, {
        port: portOf(ports, rooms, client),
        framing,
        hearing: { message },
        bufferBytes: BUFFER_BYTES,
      });
      places[client] = place;
      sockets.push(socket);
    }));
  }
  await speak();
  await heardAll.promise;
  for (const socket of sockets) socket.close();
  return places.map((place, client) => ({ client, place }));
}

async function measureReturn(
  plan: ReturnPlan,
  left: readonly Visitor[],
): Promise<ReturnResult> {
  const { ports, framing, rooms, missed } = plan;
  const times = new Histogram();
  const refused: Record<string, number> = {};
  let complete = 0;
  const done = Promise.withResolvers<void>();
  await stage("measuring");
  const startedAt = performance.now();
  for (const { client, place } of left) {
    let next = READ_BEFORE;
    const hearing: Hearing = {
      message(_seq, index) {
        // Anything doubled, missing or out of order, and this client never is complete.
        next = index === next ? next + 1 : Infinity;
        if (next !== READ_BEFORE + missed) return;
        times.add(performance.now() - startedAt);
        if (++complete === left.length) done.resolve();
      },
    };
    enterRoom(rooms[client % rooms.length]!, {
      port: portOf(ports, rooms, client),
      framing,
      hearing,
      after: place,
      bufferBytes: BUFFER_BYTES,
    }).catch((error: Error) => {
      const reason = error.message.replace(/^Cannot \w+ \S+ /, "");
      refused[reason] = (refused[reason] ?? 0) + 1;
    });
  }
  await Promise.race([done.promise, wait(RETURN_TIMEOUT_MS)]);
  await stage("measured");
  return {
    clients: left.length,
    complete,
    p50: times.quantile(0.5),
    p99: times.quantile(0.99),
    last: times.max,
    refused,
  };
}

/** Says so many messages in a room. */
type Speaker = (messages: number) => Promise<void>;

/** Who says something, hears it, says the next: so there is one order, whatever the server does. */
async function enterSpeaker(room: string, port: number, framing: Framing): Promise<Speaker> {
  let said = 0;
  let heard = Promise.withResolvers<void>();
  const { socket } = await enterRoom(room, {
    port,
    framing,
    hearing: { message: () => heard.resolve() },
    bufferBytes: BUFFER_BYTES,
  });
  return async (messages) => {
    for (let i = 0; i < messages; i++) {
      heard = Promise.withResolvers<void>();
      socket.send(messageFrame(framing, said++, TEXT));
      await heard.promise;
    }
  };
}

/** The members of each room are spread over the servers. */
function portOf(ports: readonly number[], rooms: readonly string[], client: number): number {
  return ports[Math.floor(client / rooms.length) % ports.length]!;
}

/** Tells a stage, and waits to be sent a line. */
async function stage(name: string): Promise<void> {
  console.log(name);
  await Deno.stdin.read(new Uint8Array(16));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
