import { measure } from "../measure.ts";
import type { Servers } from "../servers.ts";
import { climb } from "./ladder.ts";
import {
  type IdleMeasured,
  measureIdle,
  measureReturn,
  type ReturnMeasured,
} from "./measure_crowd.ts";
import type { Peer } from "./peers.ts";
import {
  P99_LIMIT_MS,
  passes,
  type PeerResult,
  type Settings,
  type Shape,
  type ShapeName,
  type Step,
} from "./results.ts";

/** Options of {@linkcode measurePeer}. */
export interface MeasurePeerOptions {
  readonly settings: Settings;
  readonly progress: (line: string) => void;
  /** Ends the measuring, with all servers. */
  readonly signal: AbortSignal;
}

const CROWD_ROOM_MEMBERS = 25;
/** A step that is late by less than this, and has lost nothing, may have met a hiccup: once more. */
const HICCUP = 2;
/** Of an idle crowd: who come and go before memory is read for the first time. */
const EARLY_SHARE = 0.1;

/** Measures all that there is of a peer, each step on servers and a database of its own. */
export async function measurePeer(peer: Peer, options: MeasurePeerOptions): Promise<PeerResult> {
  const { key, title } = peer;
  const { settings, progress, signal } = options;
  const steps: Record<ShapeName, readonly Step[]> = { pairs: [], groups: [] };
  const troubles: string[] = [];
  const missing = await peer.prepare();
  if (missing !== null) {
    progress(`${title}: left out, ${missing}`);
    return { key, title, missing, steps, idle: null, comeback: null, troubles };
  }
  /** What fails of one peer must not take the others' results with it. */
  const orNull = async <T>(what: string, measuring: Promise<T>): Promise<T | null> => {
    try {
      return await measuring;
    } catch (error) {
      signal.throwIfAborted();
      const { message } = error as Error;
      troubles.push(`${what} could not be measured: ${message.split("\n")[0]}`);
      progress(`${title}, ${what}: ${message}`);
      return null;
    }
  };
  for (const name of peer.shapes) {
    const shape = settings.shapes[name];
    steps[name] = await orNull(
      `rooms of ${shape.members}`,
      climb(shape.rates, {
        attempt: (rate) => attempt(peer, { ...options, shape, rate }),
        bisections: settings.bisections,
      }),
    ) ?? [];
  }
  const idle = peer.idle ? await orNull("idle connections", idleCrowd(peer, options)) : null;
  const comeback = peer.remembers
    ? await orNull("coming back", returningCrowd(peer, options))
    : null;
  return { key, title, missing, steps, idle, comeback, troubles };
}

interface AttemptOptions extends MeasurePeerOptions {
  readonly shape: Shape;
  readonly rate: number;
}

async function attempt(peer: Peer, options: AttemptOptions): Promise<Step> {
  const step = await measureStep(peer, options);
  const { lost, delivery } = step.result;
  if (step.passed || lost > 0 || delivery.p99 > P99_LIMIT_MS * HICCUP) return step;
  return await measureStep(peer, options);
}

async function measureStep(peer: Peer, options: AttemptOptions): Promise<Step> {
  const { settings, shape, rate, progress } = options;
  const rooms = roomNames(shape.rooms);
  const measured = await withServers(peer, { ...options, rooms }, (servers) =>
    measure(servers, {
      rooms,
      members: shape.members,
      rate,
      seconds: settings.seconds,
      warmUpSeconds: settings.warmUpSeconds,
      framing: peer.framing,
      gapless: peer.gapless,
      bytes: settings.bytes,
    }, options));
  const { result, cpuPerDelivery } = measured;
  const step = { rate, passed: passes(result), ...measured };
  progress(
    `${peer.title}, rooms of ${shape.members}, ${rate}/s: ${step.passed ? "passed" : "failed"}, ` +
      `p50 ${result.delivery.p50.toFixed(1)} p99 ${result.delivery.p99.toFixed(0)} ms, ` +
      `${cpuPerDelivery.toFixed(1)} µs a delivery, ${result.lost} lost, ` +
      `${result.otherOrder} in another order ${JSON.stringify(result.errors)}`,
  );
  return step;
}

async function idleCrowd(peer: Peer, options: MeasurePeerOptions): Promise<IdleMeasured> {
  const { idleClients: clients, settleSeconds } = options.settings;
  const rooms = roomNames(Math.ceil(clients / CROWD_ROOM_MEMBERS));
  const { framing, title } = peer;
  const early = Math.ceil(clients * EARLY_SHARE);
  const idle = await withServers(
    peer,
    { ...options, rooms, collecting: true },
    (servers) => measureIdle(servers, { framing, rooms, clients, early, settleSeconds }, options),
  );
  options.progress(
    `${title}: ${idle.entered} idle, ${(idle.bytesPerConnection / 1024).toFixed(1)} KB each, ` +
      `${(idle.bytesAtOnce / 1024).toFixed(1)} KB with garbage, ` +
      `${idle.connectionsPerSecond.toFixed(0)} connections/s, ${idle.closed} closed`,
  );
  return idle;
}

async function returningCrowd(peer: Peer, options: MeasurePeerOptions): Promise<ReturnMeasured> {
  const { returningClients: clients, missed } = options.settings;
  const rooms = roomNames(Math.ceil(clients / CROWD_ROOM_MEMBERS));
  const { framing, title } = peer;
  const comeback = await withServers(
    peer,
    { ...options, rooms },
    (servers) => measureReturn(servers, { framing, rooms, clients, missed }, options),
  );
  options.progress(
    `${title}: ${comeback.complete} of ${comeback.clients} came back complete, ` +
      `p50 ${comeback.p50.toFixed(0)} ms, last ${comeback.last.toFixed(0)} ms, ` +
      `${(comeback.cpuPerClient / 1_000).toFixed(1)} ms of CPU each ` +
      `${JSON.stringify(comeback.refused)}`,
  );
  return comeback;
}

interface ServersOptions extends MeasurePeerOptions {
  readonly rooms: readonly string[];
  readonly collecting?: boolean;
}

async function withServers<T>(
  peer: Peer,
  { rooms, signal, collecting = false }: ServersOptions,
  run: (servers: Servers) => Promise<T>,
): Promise<T> {
  await using servers = await peer.start({ collecting });
  signal.throwIfAborted();
  await servers.createRooms(rooms);
  return await run(servers);
}

function roomNames(rooms: number): string[] {
  return Array.from({ length: rooms }, (_, i) => `bench-${i}`);
}
