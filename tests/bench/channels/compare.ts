import type { Carrier } from "./commands.ts";
import type { Fleet, LoadOptions, LoadResult, OpenScene } from "./fleet.ts";

/** What the layer and bare calls are compared in. */
export interface Case {
  readonly groups: number;
  /** Length of a message as JSON. */
  readonly bytes: number;
  /** Receiving instances. */
  readonly instances: number;
}

/** How it is compared. */
export interface CompareOptions {
  /** How often the carriers take turns; of each load the result in the middle counts. */
  readonly rounds: number;
  /** Measured time of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The modest rate at which latencies are compared, in messages a second. */
  readonly rate: number;
}

/** Latencies at one rate, of the layer and of bare calls. */
export interface LatencyPair {
  readonly rate: number;
  readonly bare: LoadResult;
  readonly layer: LoadResult;
}

/** A case and what was measured. */
export interface Comparison extends Case {
  /** Loads that sent as much as was taken. */
  readonly capacity: Readonly<Record<Carrier, LoadResult>>;
  /** At the modest rate, then at half of what pipelined bare calls carry. */
  readonly latencies: readonly LatencyPair[];
}

/** In flight at most, where as much is sent as is taken: enough that nobody waits for the sender. */
const WINDOW = 1_000;
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * Measures one case. The carriers take turns and are connected only in theirs, since PostgreSQL wakes
 * every listener of a database for each notification, whatever it listens to.
 */
export async function compare(
  fleet: Fleet,
  compared: Case,
  options: CompareOptions,
): Promise<Comparison> {
  const { seconds, warmUpSeconds } = options;
  const { groups, bytes, instances } = compared;
  const window = Math.min(WINDOW, Math.ceil(WINDOW_BYTES / bytes));
  const saturating: LoadOptions = { bytes, rate: null, window, seconds, warmUpSeconds };
  const as = async <T>(carrier: Carrier, measure: (scene: OpenScene) => Promise<T>) => {
    await using scene = await fleet.open({ carrier, groups, senders: 1, receivers: instances });
    return await measure(scene);
  };
  let rates: readonly number[] | null = null;
  const measureAll = async (scene: OpenScene) => {
    const capacity = await scene.load(saturating);
    rates ??= [options.rate, Math.max(1, Math.round(capacity.perSecond / 2))];
    const latencies: LoadResult[] = [];
    for (const rate of rates) latencies.push(await scene.load({ ...saturating, rate }));
    return { capacity, latencies };
  };
  const rounds: Record<Carrier, { capacity: LoadResult; latencies: LoadResult[] }[]> = {
    awaited: [],
    pipelined: [],
    layer: [],
  };
  for (let round = 0; round < options.rounds; round++) {
    const awaited = await as("awaited", (scene) => scene.load({ ...saturating, window: 1 }));
    rounds.awaited.push({ capacity: awaited, latencies: [] });
    rounds.pipelined.push(await as("pipelined", measureAll));
    rounds.layer.push(await as("layer", measureAll));
  }
  const capacityOf = (carrier: Carrier) =>
    middle(rounds[carrier].map(({ capacity }) => capacity), ({ perSecond }) => perSecond);
  const latencyOf = (carrier: Carrier, i: number) =>
    middle(rounds[carrier].map(({ latencies }) => latencies[i]!), ({ p50 }) => p50);
  return {
    ...compared,
    capacity: {
      awaited: capacityOf("awaited"),
      pipelined: capacityOf("pipelined"),
      layer: capacityOf("layer"),
    },
    latencies: rates!.map((rate, i) => ({
      rate,
      bare: latencyOf("pipelined", i),
      layer: latencyOf("layer", i),
    })),
  };
}

/** The result in the middle, with what was wrong in any of them. */
function middle(
  results: readonly LoadResult[],
  value: (result: LoadResult) => number,
): LoadResult {
  const sorted = results.toSorted((a, b) => value(a) - value(b));
  const sum = (what: "lost" | "doubled" | "disordered") =>
    results.reduce((total, result) => total + result[what], 0);
  return {
    ...sorted[sorted.length >> 1]!,
    lost: sum("lost"),
    doubled: sum("doubled"),
    disordered: sum("disordered"),
  };
}
