import { unfailing, type WarnHandler } from "./subscribers.ts";

/** Options of a {@linkcode ChannelLayer}. */
export interface ChannelLayerOptions {
  /** How long a message waits to be received, in ms. @default 60000 */
  readonly expiryMs?: number;
  /**
   * How long a membership lasts after its last add, in ms; while the channel has a handler, it does
   * not end by itself. @default 86400000
   */
  readonly groupExpiryMs?: number;
  /** How many messages wait in a channel at most; up to 2147483647. @default 100 */
  readonly capacity?: number;
  /** Other capacities, by what a channel's name matches; the first match wins. */
  readonly channelCapacity?: readonly (readonly [RegExp, number])[];
  /** Told of what was lost. @default silent */
  readonly warn?: WarnHandler;
  /** A clock in ms. @default {Date.now} */
  readonly now?: () => number;
}

/** What a layer goes by: its options, checked, and what was not told. */
export interface LayerSettings {
  readonly expiryMs: number;
  readonly groupExpiryMs: number;
  readonly capacityOf: (channel: string) => number;
  readonly warn: WarnHandler;
  readonly now: () => number;
}

const DEFAULT_EXPIRY_MS = 60_000;
const DEFAULT_GROUP_EXPIRY_MS = 86_400_000;
const DEFAULT_CAPACITY = 100;
// What PostgreSQL's integer holds.
const CAPACITY_MAX = 2 ** 31 - 1;

/** @throws {RangeError} when a capacity or a time is none */
export function settingsOf(options: ChannelLayerOptions): LayerSettings {
  const {
    expiryMs = DEFAULT_EXPIRY_MS,
    groupExpiryMs = DEFAULT_GROUP_EXPIRY_MS,
    capacity = DEFAULT_CAPACITY,
    channelCapacity = [],
    warn = () => {},
    now = Date.now,
  } = options;
  for (const value of [capacity, ...channelCapacity.map(([, value]) => value)]) {
    if (!Number.isInteger(value) || value < 1 || value > CAPACITY_MAX) {
      throw new RangeError(
        `Cannot use capacity ${value}: not a whole number from 1 to ${CAPACITY_MAX}`,
      );
    }
  }
  for (const [name, value] of Object.entries({ expiryMs, groupExpiryMs })) {
    if (!(value > 0 && value < Infinity)) {
      throw new RangeError(`Cannot use ${name} ${value}: not a number above 0 and finite`);
    }
  }
  return {
    expiryMs,
    groupExpiryMs,
    // search, unlike test, keeps no place in a pattern with the flag g.
    capacityOf: (channel) =>
      channelCapacity.find(([pattern]) => channel.search(pattern) >= 0)?.[1] ?? capacity,
    warn: unfailing(warn),
    now,
  };
}
