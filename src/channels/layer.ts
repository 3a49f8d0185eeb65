import { Buffer } from "node:buffer";
import type { Bus, Doubt } from "./bus.ts";
import { ChannelFullError, type Message, MessageTooLargeError } from "./errors.ts";
import { Mailbox } from "./mailbox.ts";
import { memoryBusNetwork } from "./memory_bus.ts";
import { assertGroupName, assertLocalChannelName } from "./names.ts";
import { openPostgresBus, type PostgresBusOptions, SQL_TOPIC } from "./postgres/bus.ts";
import type { WarnHandler } from "./subscribers.ts";

/** A message is at most this long, encoded. */
export const MESSAGE_MAX_BYTES = 1024 * 1024;

/** Options of a {@linkcode ChannelLayer}. */
export interface ChannelLayerOptions {
  /** How long a message waits to be received, in ms. @default 60000 */
  readonly expiryMs?: number;
  /** How long a membership lasts after its last add, in ms. @default 86400000 */
  readonly groupExpiryMs?: number;
  /** How many messages wait in a channel at most. @default 100 */
  readonly capacity?: number;
  /** Other capacities, by what a channel's name matches; the first match wins. */
  readonly channelCapacity?: readonly (readonly [RegExp, number])[];
  /** Told of what was lost. @default silent */
  readonly warn?: WarnHandler;
  /** A clock in ms. @default {Date.now} */
  readonly now?: () => number;
}

const DEFAULT_EXPIRY_MS = 60_000;
const DEFAULT_GROUP_EXPIRY_MS = 86_400_000;
const DEFAULT_CAPACITY = 100;
const LAYER_TOPIC = "layer";

/**
 * Channels and groups across instances: at most once, for everything that needs no log.
 *
 * A channel is a mailbox that one instance owns; a group is a set of channels, of any instances. A
 * membership is kept by the owner of its channel, so a send to a group is one publication, whatever
 * the number of its members.
 *
 * @example
 * ```ts
 * import { memoryChannelLayer } from "./layer.ts";
 *
 * await using layer = memoryChannelLayer();
 * const channel = layer.newChannel();
 * await layer.groupAdd("room-1", channel);
 * await layer.groupSend("room-1", { type: "chat.message", text: "hello" });
 * console.log(await layer.receive(channel));
 * ```
 */
export class ChannelLayer implements AsyncDisposable {
  readonly #bus: Bus;
  readonly #ownsBus: boolean;
  readonly #options: ChannelLayerOptions;
  readonly #now: () => number;
  readonly #mailboxes = new Map<string, Mailbox>();
  /** For each group the channels of this instance, with the time when each membership ends. */
  readonly #groups = new Map<string, Map<string, number>>();
  readonly #stop = new AbortController();
  readonly #counters = { sent: 0, delivered: 0, droppedByCapacity: 0, expired: 0 };

  /**
   * Puts a layer on a bus, which stays the caller's unless the layer owns it.
   *
   * @throws {RangeError} when a capacity is no whole number above 0
   */
  constructor(bus: Bus, options: ChannelLayerOptions = {}, ownsBus = false) {
    for (const [, capacity] of [[null, options.capacity ?? 1], ...options.channelCapacity ?? []]) {
      if (!Number.isInteger(capacity) || (capacity as number) < 1) {
        throw new RangeError(`Cannot use capacity ${capacity}: not a whole number above 0`);
      }
    }
    this.#bus = bus;
    this.#ownsBus = ownsBus;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const { signal } = this.#stop;
    bus.subscribe(LAYER_TOPIC, (bytes) => this.#hear(bytes), { signal });
    bus.subscribe(SQL_TOPIC, (bytes) => this.#hear(bytes), { signal });
  }

  /** A fresh name of a channel that this instance owns; never given twice. */
  newChannel(prefix = "specific"): string {
    const name = `${prefix}.${this.#bus.instance}!${crypto.randomUUID().replaceAll("-", "")}`;
    assertLocalChannelName(name);
    return name;
  }

  /**
   * Puts a message into a channel, without waiting for its reader.
   *
   * @throws {ChannelFullError} when an own channel is full; another instance drops and counts
   * @throws {MessageTooLargeError} above 1 MiB
   */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async send(channel: string, message: Message): Promise<void> {
    this.#assertOpen();
    assertLocalChannelName(channel);
    const { frozen, text } = encode({ channel, message });
    const owner = ownerOf(channel);
    this.#counters.sent++;
    if (owner !== this.#bus.instance) {
      this.#bus.publish(LAYER_TOPIC, Buffer.from(text), { to: owner });
      return;
    }
    this.#mailbox(channel).put(frozen.message, this.#expires());
  }

  /** The oldest message of an own channel; waits for one. Cancelling loses none. */
  async receive(
    channel: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Message> {
    this.#assertOpen();
    const mailbox = this.#ownMailbox(channel);
    const signals = options.signal === undefined ? [] : [options.signal];
    try {
      return await mailbox.take(AbortSignal.any([this.#stop.signal, ...signals]));
    } finally {
      this.#forgetIdle(channel, mailbox);
    }
  }

  /** Gives an own channel's messages to a handler as they come, until the signal. */
  subscribe(
    channel: string,
    handler: (message: Message) => void,
    options: { readonly signal?: AbortSignal } = {},
  ): void {
    this.#assertOpen();
    if (options.signal?.aborted) return;
    const mailbox = this.#ownMailbox(channel);
    options.signal?.addEventListener("abort", () => {
      mailbox.unhandle();
      this.#leaveAll(channel);
      this.#forgetIdle(channel, mailbox);
    }, { once: true });
    mailbox.handle((message) => {
      try {
        handler(message);
      } catch (error) {
        this.#warn(`The handler of channel "${channel}" failed`, error);
      }
    });
  }

  /** Puts a channel into a group, or refreshes its membership. */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async groupAdd(group: string, channel: string): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    assertLocalChannelName(channel);
    this.#atOwner(channel, { add: group, channel });
  }

  /** Takes a channel out of a group; no error when it is not in it. */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    assertLocalChannelName(channel);
    this.#atOwner(channel, { discard: group, channel });
  }

  /** Sends to every channel of a group. A full member misses it; that is counted, not thrown. */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async groupSend(group: string, message: Message): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    const { frozen, text } = encode({ group, message });
    this.#counters.sent++;
    this.#bus.publish(LAYER_TOPIC, Buffer.from(text));
    this.#deliverToGroup(group, frozen.message);
  }

  /** Empties all channels and groups, of all instances. */
  async flush(): Promise<void> {
    this.#assertOpen();
    this.#bus.publish(LAYER_TOPIC, Buffer.from(JSON.stringify({ flush: true })));
    this.#clear();
    await this.#bus.flush();
  }

  /** Is told when events may have been missed. */
  onDoubt(handler: (reason: Doubt) => void, options: { readonly signal?: AbortSignal } = {}): void {
    this.#bus.onDoubt(handler, options);
  }

  /** What this instance has sent, delivered and lost. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  /** Ends waiting receivers and releases everything. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error("Cannot go on: the channel layer is closed"));
    if (this.#ownsBus) await this.#bus.close();
    else await this.#bus.flush();
    this.#clear();
  }

  /** The same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertOpen(): void {
    this.#stop.signal.throwIfAborted();
  }

  #expires(): number {
    return this.#now() + (this.#options.expiryMs ?? DEFAULT_EXPIRY_MS);
  }

  #ownMailbox(channel: string): Mailbox {
    assertLocalChannelName(channel);
    if (ownerOf(channel) !== this.#bus.instance) {
      throw new TypeError(`Cannot receive from channel "${channel}": another instance owns it`);
    }
    return this.#mailbox(channel);
  }

  #mailbox(channel: string): Mailbox {
    let mailbox = this.#mailboxes.get(channel);
    if (mailbox === undefined) {
      const { channelCapacity = [], capacity = DEFAULT_CAPACITY } = this.#options;
      const match = channelCapacity.find(([pattern]) => pattern.test(channel));
      mailbox = new Mailbox(channel, match?.[1] ?? capacity, this.#now);
      this.#mailboxes.set(channel, mailbox);
    }
    return mailbox;
  }

  #forgetIdle(channel: string, mailbox: Mailbox): void {
    if (!mailbox.idle) return;
    this.#counters.expired += mailbox.expired;
    mailbox.expired = 0;
    this.#mailboxes.delete(channel);
  }

  #atOwner(channel: string, command: LayerEvent): void {
    const owner = ownerOf(channel);
    if (owner === this.#bus.instance) this.#apply(command);
    else this.#bus.publish(LAYER_TOPIC, Buffer.from(JSON.stringify(command)), { to: owner });
  }

  #hear(bytes: Uint8Array): void {
    this.#apply(deepFreeze(JSON.parse(new TextDecoder().decode(bytes))) as LayerEvent);
  }

  #apply(event: LayerEvent): void {
    const { channel } = event;
    if (event.flush) this.#clear();
    else if (event.add !== undefined) this.#addLocally(event.add, channel!);
    else if (event.discard !== undefined) this.#discardLocally(event.discard, channel!);
    else if (event.group !== undefined) this.#deliverToGroup(event.group, event.message!);
    else if (channel !== undefined && ownerOf(channel) === this.#bus.instance) {
      this.#deliver(channel, event.message!);
    }
  }

  #addLocally(group: string, channel: string): void {
    const members = this.#groups.get(group) ?? new Map<string, number>();
    this.#groups.set(group, members);
    members.set(channel, this.#now() + (this.#options.groupExpiryMs ?? DEFAULT_GROUP_EXPIRY_MS));
  }

  #discardLocally(group: string, channel: string): void {
    const members = this.#groups.get(group);
    members?.delete(channel);
    if (members?.size === 0) this.#groups.delete(group);
  }

  #leaveAll(channel: string): void {
    for (const group of this.#groups.keys()) this.#discardLocally(group, channel);
  }

  #deliverToGroup(group: string, message: Message): void {
    const now = this.#now();
    for (const [channel, until] of this.#groups.get(group) ?? []) {
      if (until <= now) this.#discardLocally(group, channel);
      else this.#deliver(channel, message);
    }
  }

  #deliver(channel: string, message: Message): void {
    try {
      this.#mailbox(channel).put(message, this.#expires());
      this.#counters.delivered++;
    } catch (error) {
      if (!(error instanceof ChannelFullError)) throw error;
      this.#counters.droppedByCapacity++;
      this.#warn("A message was dropped", error);
    }
  }

  #clear(): void {
    for (const [channel, mailbox] of this.#mailboxes) {
      if (mailbox.idle) this.#mailboxes.delete(channel);
      else mailbox.clear();
    }
    this.#groups.clear();
  }

  #warn(message: string, error: unknown): void {
    this.#options.warn?.(message, error);
  }
}

/** A channel layer of one process. */
export function memoryChannelLayer(options: ChannelLayerOptions = {}): ChannelLayer {
  return new ChannelLayer(memoryBusNetwork().bus(), options, true);
}

/**
 * A channel layer over PostgreSQL, with a bus of its own.
 *
 * @throws {PoolerError} when the direct URL leads to a pooler in transaction mode
 */
export async function postgresChannelLayer(
  options: ChannelLayerOptions & PostgresBusOptions,
): Promise<ChannelLayer> {
  return new ChannelLayer(await openPostgresBus(options), options, true);
}

/** What travels between layers; from SQL only `group` or `channel` with `message`. */
interface LayerEvent {
  readonly group?: string;
  readonly channel?: string;
  readonly message?: Message;
  readonly add?: string;
  readonly discard?: string;
  readonly flush?: boolean;
}

function ownerOf(channel: string): string {
  const name = channel.slice(0, channel.indexOf("!"));
  return name.slice(name.lastIndexOf(".") + 1);
}

/** The event as others will see it: a frozen copy, so that no receiver changes another's. */
function encode<T extends { readonly message: Message }>(event: T): { frozen: T; text: string } {
  const { message } = event;
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new TypeError("Cannot send the message: not a JSON object");
  }
  const text = JSON.stringify(event);
  const bytes = Buffer.byteLength(text);
  if (bytes > MESSAGE_MAX_BYTES + ENVELOPE_BYTES) {
    throw new MessageTooLargeError(bytes, MESSAGE_MAX_BYTES);
  }
  return { frozen: deepFreeze(JSON.parse(text)) as T, text };
}

// Two names and the JSON around them.
const ENVELOPE_BYTES = 256;

function deepFreeze(value: unknown): unknown {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
