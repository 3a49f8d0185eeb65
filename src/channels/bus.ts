/** Why events may have been missed. */
export type Doubt = "lost" | "restored" | "overflow";

/** How a bus is. */
export interface BusHealth {
  /** Whether publications of others arrive now. */
  readonly listening: boolean;
  /** Since when, in ms since 1970. */
  readonly since: number;
}

/** The topic on which events from SQL arrive, as JSON, on a bus that has such a door. */
export const SQL_TOPIC = "sql";

/** What a bus has done since it was opened; which counters there are depends on the kind. */
export type BusCounters = Readonly<Record<string, number>>;

/** Handles a publication; runs synchronously, in the order of each publisher. */
export type BusHandler = (bytes: Uint8Array, from: string) => void;

/**
 * Carries bytes between instances, at most once.
 *
 * It may lose, double, reorder or delay publications across a fault; while it is healthy they
 * arrive in the order of their publisher. An instance does not get its own publications back. The
 * channel layer and any other user with a log of its own sit on this seam, so another engine has to
 * implement only this.
 *
 * @example
 * ```ts
 * import { memoryBusNetwork } from "maru/channels";
 *
 * const network = memoryBusNetwork();
 * await using seoul = network.bus();
 * await using busan = network.bus();
 * busan.subscribe("news", (bytes) => console.log(new TextDecoder().decode(bytes)));
 * seoul.publish("news", new TextEncoder().encode("hello"));
 * ```
 */
export interface Bus extends AsyncDisposable {
  /**
   * Names this instance among the others, as nobody else's: 1 to 64 ASCII letters, digits, `-` and
   * `_`. It is part of the names of its channels.
   */
  readonly instance: string;
  /** The most bytes that travel in one piece; more still arrive, at a higher price. */
  readonly inlineLimit: number;
  /**
   * Publishes, without waiting.
   *
   * @param options.to only this instance gets it
   */
  publish(topic: string, bytes: Uint8Array, options?: { readonly to?: string }): void;
  /** Hears a topic until the signal. */
  subscribe(topic: string, handler: BusHandler, options?: { readonly signal?: AbortSignal }): void;
  /**
   * Is told when publications may have been missed: `lost` when the bus went deaf, `restored` once
   * when it hears again (and when it hears for the first time), `overflow` when some were dropped.
   */
  onDoubt(handler: (reason: Doubt) => void, options?: { readonly signal?: AbortSignal }): void;
  /** How it is now. */
  health(): BusHealth;
  /** What it has done. */
  counters(): BusCounters;
  /** Resolves when what was published has been handed on, or after the bus's own time-out. */
  flush(): Promise<void>;
  /** Hands on what was published and releases everything. */
  close(): Promise<void>;
}
