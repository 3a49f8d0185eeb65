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
  { seconds, warmUpSeconds, rate }: CompareOptions,
): Promise<Comparison> {
  const { groups, bytes, instances } = compared;
  const window = Math.min(WINDOW, Math.ceil(WINDOW_BYTES / bytes));
  const as = async <T>(carrier: Carrier, measure: (scene: OpenScene) => Promise<T>) => {
    await using scene = await fleet.open({ carrier, groups, senders: 1, receivers: instances });
    return await measure(scene);
  };
  const saturating: LoadOptions = { bytes, rate: null, window, seconds, warmUpSeconds };
  const atRates = async (scene: OpenScene, rates: readonly number[]) => {
    const results: LoadResult[] = [];
    for (const rate of rates) results.push(await scene.load({ ...saturating, rate }));
    return results;
  };
  const awaited = await as("awaited", (scene) => scene.load({ ...saturating, window: 1 }));
  let rates: number[] = [];
  const [pipelined, ...bare] = await as("pipelined", async (scene) => {
    const most = await scene.load(saturating);
    rates = [rate, Math.max(1, Math.round(most.perSecond / 2))];
    return [most, ...await atRates(scene, rates)] as const;
  });
  const [layer, ...layered] = await as("layer", async (scene) => {
    return [await scene.load(saturating), ...await atRates(scene, rates)] as const;
  });
  return {
    ...compared,
    capacity: { awaited, pipelined, layer },
    latencies: rates.map((rate, i) => ({ rate, bare: bare[i]!, layer: layered[i]! })),
  };
}
