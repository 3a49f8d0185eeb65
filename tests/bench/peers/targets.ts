import { highest, type PeerResult, type Report, type Step, stepAt } from "./results.ts";

/** What Maru is to reach, and what was found. */
export interface Target {
  readonly what: string;
  readonly found: string;
  /** Null where something was not measured. */
  readonly reached: boolean | null;
}

const RATE_OF_SOCKET_IO = 6;
const RATE_OF_DJANGO = 25;
const CPU_OF_SOCKET_IO = 1 / 3;
const CPU_OF_DJANGO = 1 / 15;
const IDLE_KB = 24;
/** In rooms of 2, at this rate, … */
const PROOF_RATE = 20_000;
/** … to deliver within this. */
const PROOF_P99_MS = 100;
/** In rooms of 25: who, at which rate, may take how much of the bare relay's CPU a delivery. */
const PROOF_CPU = [
  { key: "maru-plain", what: "one object a frame", rate: 3_200, limit: 1.8 },
  { key: "maru", what: "frames joined", rate: 3_200, limit: 1.5 },
  { key: "maru", what: "frames joined", rate: 5_000, limit: 1.1 },
];
const RELAY_RATE = 1_600;

/** Holds Maru's results to what it is to reach beside its peers. */
export function judge({ peers }: Pick<Report, "peers">): Target[] {
  const of = (key: string) => peers.find((peer) => peer.key === key);
  const [maru, socketIo, django] = [of("maru"), of("socketio-pg"), of("django")];
  const p99 = passedAt(maru?.steps.pairs, PROOF_RATE)?.result.delivery.p99 ?? null;
  const relay = passedAt(of("relay")?.steps.groups, RELAY_RATE)?.cpuPerDelivery;
  const kilobytes = maru?.idle == null ? null : maru.idle.bytesPerConnection / 1024;
  const atOnce = maru?.idle == null ? null : maru.idle.bytesAtOnce / 1024;
  return [
    {
      what:
        `rooms of 2: at least ${RATE_OF_SOCKET_IO} × Socket.IO's Postgres adapter in messages/s`,
      ...atLeast(RATE_OF_SOCKET_IO, rateRatio(maru, socketIo)),
    },
    {
      what: `rooms of 2: at least ${RATE_OF_DJANGO} × Django Channels in messages/s`,
      ...atLeast(RATE_OF_DJANGO, rateRatio(maru, django)),
    },
    {
      what: "rooms of 25, each at its highest rate: at most 1/3 of Socket.IO's CPU a delivery",
      ...atMost(CPU_OF_SOCKET_IO, cpuRatio(maru, socketIo, highest)),
    },
    {
      what: "rooms of 25, each at its highest rate: at most 1/15 of Django Channels'",
      ...atMost(CPU_OF_DJANGO, cpuRatio(maru, django, highest)),
    },
    {
      what: `at most ${IDLE_KB} KB an idle connection, after a garbage collection that is forced`,
      found: kilobytes === null
        ? "not measured"
        : `${kilobytes.toFixed(1)} KB; before it ${atOnce!.toFixed(1)} KB`,
      reached: kilobytes === null ? null : kilobytes <= IDLE_KB,
    },
    {
      what: `rooms of 2 at ${PROOF_RATE.toLocaleString("en")}/s: p99 at most ${PROOF_P99_MS} ms`,
      found: p99 === null ? "not measured" : `${Math.round(p99)} ms`,
      reached: p99 === null ? null : p99 <= PROOF_P99_MS,
    },
    ...PROOF_CPU.map(({ key, what, rate, limit }) => {
      const cpu = passedAt(of(key)?.steps.groups, rate)?.cpuPerDelivery;
      const ratio = cpu === undefined || relay === undefined ? null : cpu / relay;
      return {
        what:
          `rooms of 25 at ${rate.toLocaleString("en")}/s, ${what}: at most ${limit} × the CPU ` +
          `a delivery of the bare relay at ${RELAY_RATE.toLocaleString("en")}/s`,
        found: ratio === null ? "not measured" : `${ratio.toFixed(2)} ×`,
        reached: ratio === null ? null : ratio <= limit,
      };
    }),
  ];
}

/** Between what Maru's highest rate in rooms of 2 lies as a multiple of a peer's limit. */
export interface RateRange {
  readonly title: string;
  /** The peer's highest rate that passed, and the lowest above it that failed. */
  readonly passed: number;
  readonly failed: number;
  readonly low: number;
  readonly high: number;
  /** What Maru is to reach. */
  readonly target: number;
}

/**
 * The ratios of rates that {@linkcode judge} finds are of what passed; a peer's limit lies somewhere
 * up to what failed. Without those that were not measured, and those that nothing was too much for.
 */
export function rateRanges({ peers }: Pick<Report, "peers">): RateRange[] {
  const ours = highest(peers.find(({ key }) => key === "maru")?.steps.pairs ?? [])?.rate;
  if (ours === undefined) return [];
  const targets = [["socketio-pg", RATE_OF_SOCKET_IO], ["django", RATE_OF_DJANGO]] as const;
  return targets.flatMap(([key, target]) => {
    const peer = peers.find((peer) => peer.key === key);
    const passed = highest(peer?.steps.pairs ?? [])?.rate;
    const failed = peer?.steps.pairs.find(({ rate }) => passed !== undefined && rate > passed)
      ?.rate;
    if (peer === undefined || passed === undefined || failed === undefined) return [];
    const { title } = peer;
    return [{ title, passed, failed, low: ours / failed, high: ours / passed, target }];
  });
}

/** Maru's CPU a delivery in groups as a share of a peer's, at the highest rate that both passed. */
export function cpuAtSameRate(
  maru: PeerResult | undefined,
  peer: PeerResult | undefined,
): { readonly rate: number; readonly ratio: number } | null {
  const common = maru?.steps.groups.findLast((step) =>
    step.passed && peer !== undefined && stepAt(peer.steps.groups, step.rate)?.passed === true
  );
  if (common === undefined) return null;
  const ratio = cpuRatio(maru, peer, (steps) => stepAt(steps, common.rate));
  return ratio === null ? null : { rate: common.rate, ratio };
}

function passedAt(steps: readonly Step[] = [], rate: number): Step | null {
  const step = stepAt(steps, rate);
  return step?.passed === true ? step : null;
}

function rateRatio(maru: PeerResult | undefined, peer: PeerResult | undefined): number | null {
  const [ours, theirs] = [maru, peer].map((one) => highest(one?.steps.pairs ?? [])?.rate);
  return ours === undefined || theirs === undefined ? null : ours / theirs;
}

function cpuRatio(
  maru: PeerResult | undefined,
  peer: PeerResult | undefined,
  choose: (steps: readonly Step[]) => Step | null,
): number | null {
  const [ours, theirs] = [maru, peer].map((one) => choose(one?.steps.groups ?? [])?.cpuPerDelivery);
  return ours === undefined || theirs === undefined ? null : ours / theirs;
}

function atLeast(limit: number, ratio: number | null) {
  if (ratio === null) return { found: "not measured", reached: null };
  return { found: `${ratio.toFixed(1)} ×`, reached: ratio >= limit };
}

function atMost(limit: number, ratio: number | null) {
  if (ratio === null) return { found: "not measured", reached: null };
  const found = ratio < 1 ? `1/${(1 / ratio).toFixed(1)}` : `${ratio.toFixed(1)} ×`;
  return { found, reached: ratio <= limit };
}
