import type { ChannelLayer } from "../layer.ts";
import type { ChannelLayerOptions } from "../layer_options.ts";

/** A kind of channel layer that `testChannelLayer` holds to the contract. */
export interface ConformanceBackend {
  /** Begins the names of its tests. */
  readonly name: string;
  /** Opens what layers share (a network, a database), fresh and empty, for one item. */
  open(item: ConformanceItem): Promise<ConformanceNetwork>;
  /**
   * The items that it cannot have, by their number, each with the reason: they are shown as
   * ignored, with it. Everything else is held to.
   *
   * @default {}
   */
  readonly lacks?: Readonly<Record<number, string>>;
}

/** Layers that hear each other, and what can happen to them. */
export interface ConformanceNetwork extends AsyncDisposable {
  /** Opens a layer, an instance of its own; the test closes it. */
  layer(options?: ChannelLayerOptions): Promise<ChannelLayer>;
  /** Sends a group message within a transaction, and ends that as told. */
  sendFromSql?(group: string, json: string, end: "commit" | "rollback"): Promise<void>;
  /** Ends the connections on which layers listen. */
  killListeners?(): Promise<void>;
  /** Opens a layer with a heartbeat of so many ms, whose connection for listening can fall silent. */
  silenceable?(heartbeatMs: number): Promise<{
    readonly layer: ChannelLayer;
    /** From now on nothing comes through, and nothing says so. */
    silence(): void;
    /** New connections are fine again. */
    restore(): void;
  }>;
  /** Stops the server at once, and starts it again. */
  restart?(): Promise<void>;
  /** Sends what a stranger would, who may connect but knows no key. */
  forge?(): Promise<void>;
  /** How many connections the network's layers hold now. */
  connections?(): Promise<number>;
}

/** One item of the conformance list. */
export interface ConformanceItem {
  /** Its place in the list, from 1; what {@linkcode ConformanceBackend.lacks} goes by. */
  readonly number: number;
  /** What must be true. */
  readonly title: string;
  /** Throws when it is not. */
  readonly run: (network: ConformanceNetwork) => Promise<void>;
}

/** What a backend must offer for an item, which it does not declare as lacking. */
export function need<K extends keyof ConformanceNetwork>(
  network: ConformanceNetwork,
  method: K,
): NonNullable<ConformanceNetwork[K]> {
  const found = network[method];
  if (found === undefined) {
    throw new TypeError(
      `Cannot test this: the backend offers no ${String(method)}() and declares no lack`,
    );
  }
  return (found as (...args: never[]) => unknown).bind(network) as NonNullable<
    ConformanceNetwork[K]
  >;
}
