import { Buffer } from "node:buffer";
import { type Bus, type BusCounters, type Doubt, SQL_TOPIC } from "./bus.ts";
import { DeliveryLine } from "./delivery_line.ts";
import { EndedChannels } from "./ended_channels.ts";
import { ChannelFullError } from "./errors.ts";
import { Groups, type MemberInfo, type Membership } from "./groups.ts";
import {
  decodeEvent,
  decodeInfo,
  decodeSqlEvent,
  encodeEvent,
  type LayerEvent,
} from "./layer_event.ts";
import { type ChannelLayerOptions, type LayerSettings, settingsOf } from "./layer_options.ts";
import { Mailboxes } from "./mailboxes.ts";
import { decodeMessage, type EncodedMessage, encodeMessage, type Message } from "./message.ts";
import {
  assertChannelName,
  assertChannelPrefix,
  assertGroupName,
  assertInstanceName,
  assertLocalChannelName,
  isQueueChannel,
  ownerOf,
} from "./names.ts";
import { QueueReaders } from "./queue_readers.ts";
import type { PresenceSession, PresenceStore, Present, QueueStore } from "./stores.ts";
import type { WarnHandler } from "./subscribers.ts";
import { isThenable } from "./thenable.ts";

/** Who a member is may be told in so many bytes of JSON. */
export const MEMBER_INFO_MAX_BYTES = 4096;

/** What a {@linkcode ChannelLayer} is put together from, beside its bus. */
export interface ChannelLayerParts {
  /** Keeps queue channels. @default none: they are refused */
  readonly queues?: QueueStore;
  /** Knows who is in which group. @default none: `presence` is refused */
  readonly presence?: PresenceStore;
  /** What is closed with the layer, in this order: its bus, if nobody else uses it. */
  readonly owned?: readonly AsyncDisposable[];
}

/** What a layer has done since it was opened, of its instance; and its bus. */
export interface ChannelLayerCounters {
  /** Messages sent, to channels and groups. */
  readonly sent: number;
  /** Messages put into own channels, once for each. */
  readonly delivered: number;
  /** Messages that found an own channel full. */
  readonly droppedByCapacity: number;
  /** Messages that nobody took in time. */
  readonly expired: number;
  /** What came and was no message: written by something else, or nested too deep. */
  readonly undecodable: number;
  /** See {@linkcode BusCounters}. */
  readonly bus: BusCounters;
}

const LAYER_TOPIC = "layer";
// Looks for what has expired and that nobody asks for any more.
const SWEEP_INTERVAL_MS = 10_000;
/** The buses that carry a layer: two on one would take each other's messages. */
const layered = new WeakSet<Bus>();
/** Of all layers of this process: a bus may carry one after the other, and chance may repeat. */
let channelsNamed = 0;

/**
 * Channels and groups across instances: at most once, for everything that needs no log.
 *
 * A channel is a mailbox that one instance owns (its name has a `!`), or a queue that any instance
 * reads. A group is a set of process-local channels, of any instances. A membership is kept by the
 * owner of its channel, so a send to a group is one publication, whatever the number of its members.
 *
 * @example
 * ```ts
 * import { memoryChannelLayer } from "maru/channels";
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
  readonly #settings: LayerSettings;
  readonly #owned: readonly AsyncDisposable[];
  readonly #now: () => number;
  readonly #warn: WarnHandler;
  readonly #mailboxes: Mailboxes;
  readonly #groups = new Groups();
  readonly #ended = new EndedChannels();
  readonly #queues: QueueStore | undefined;
  readonly #readers: QueueReaders | undefined;
  readonly #presence: PresenceSession | undefined;
  readonly #stop = new AbortController();
  readonly #counters = { sent: 0, delivered: 0, droppedByCapacity: 0, undecodable: 0 };
  readonly #line = new DeliveryLine((group, message) => this.#deliverToMembers(group, message));
  #sweep: ReturnType<typeof setInterval> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Puts a layer on a bus. Most want {@linkcode memoryChannelLayer} or
   * {@linkcode postgresChannelLayer}.
   *
   * @throws {RangeError} when a capacity is no whole number from 1 to 2147483647, or a time not above
   * 0 and finite
   * @throws {TypeError} when the bus's instance has a name that cannot be part of a channel's
   * @throws {Error} when another layer is on the bus
   */
  constructor(bus: Bus, options: ChannelLayerOptions = {}, parts: ChannelLayerParts = {}) {
    this.#settings = settingsOf(options);
    const { capacityOf, warn, now } = this.#settings;
    assertInstanceName(bus.instance);
    if (layered.has(bus)) {
      throw new Error(
        `Cannot put a layer on the bus of instance "${bus.instance}": another one is on it`,
      );
    }
    this.#bus = bus;
    this.#owned = parts.owned ?? [];
    this.#now = now;
    this.#warn = warn;
    this.#mailboxes = new Mailboxes(capacityOf, now);
    this.#queues = parts.queues;
    this.#readers = parts.queues && new QueueReaders(
      parts.queues,
      this.#warn,
      (channel) => bus.publish(LAYER_TOPIC, encodeEvent("wake", { channel })),
    );
    this.#presence = parts.presence?.attach(bus.instance, () => this.#memberships());
    const { signal } = this.#stop;
    bus.subscribe(LAYER_TOPIC, (bytes) => this.#hear(decodeEvent, bytes), { signal });
    bus.subscribe(SQL_TOPIC, (bytes) => this.#hear(decodeSqlEvent, bytes), { signal });
    bus.onDoubt(() => this.#presence?.check(), { signal });
    layered.add(bus);
  }

  /**
   * A fresh name of a process-local channel of this instance; never given twice.
   *
   * @throws {TypeError} when no name can begin so
   */
  newChannel(prefix = "specific"): string {
    this.#assertOpen();
    assertChannelPrefix(prefix);
    const random = crypto.randomUUID().slice(0, 8);
    const name = `${prefix}.${this.#bus.instance}!${random}${(++channelsNamed).toString(36)}`;
    assertChannelName(name);
    return name;
  }

  /**
   * Puts a message into a channel, without waiting for its reader.
   *
   * @throws {ChannelFullError} when an own channel or a queue channel is full; another instance's
   * drops, and counts there
   * @throws {MessageTooLargeError} above 1 MiB
   * @throws {TypeError} when the name or the message is not one
   */
  async send(channel: string, message: Message): Promise<void> {
    this.#assertOpen();
    assertChannelName(channel);
    const encoded = encodeMessage(message);
    if (isQueueChannel(channel)) return await this.#enqueue(channel, encoded);
    const { text } = encoded;
    const owner = ownerOf(channel);
    if (owner === this.#bus.instance) this.#put(channel, encoded.frozen);
    else this.#bus.publish(LAYER_TOPIC, encodeEvent("send", { channel, text }), { to: owner });
    this.#counters.sent++;
  }

  /**
   * The oldest message of an own or a queue channel; waits for one. Several readers of one channel
   * get a message each, in the order of their calls. Cancelling loses none.
   *
   * @throws {TypeError} when another instance owns the channel
   */
  async receive(
    channel: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Message> {
    this.#assertOpen();
    assertChannelName(channel);
    if (isQueueChannel(channel)) {
      return await this.#queueReaders(channel).take(channel, options.signal);
    }
    this.#assertOwn(channel);
    this.#ended.delete(channel);
    this.#startSweeping();
    return await this.#mailboxes.take(channel, options.signal);
  }

  /**
   * The messages of an own or a queue channel as they come; ends when the signal aborts.
   *
   * @example
   * ```ts
   * import { memoryChannelLayer } from "maru/channels";
   *
   * await using layer = memoryChannelLayer();
   * await layer.send("thumbnails", { type: "make", id: 7 });
   * for await (const message of layer.messages("thumbnails")) {
   *   console.log(message);
   *   break;
   * }
   * ```
   */
  async *messages(
    channel: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Message, void, void> {
    while (options.signal?.aborted !== true) {
      let message: Message;
      try {
        message = await this.receive(channel, options);
      } catch (error) {
        if (options.signal?.aborted) return;
        throw error;
      }
      yield message;
    }
  }

  /**
   * Gives an own channel's messages to a handler, one at a time: while a promise that it returned,
   * or what else can be awaited, is pending the next ones wait, up to the capacity. A handler that
   * throws is reported and goes on. When the signal aborts, the channel leaves all its groups, and
   * no other instance puts it into one until it is used here again.
   *
   * @throws {TypeError} when another instance owns the channel, or it has a handler, or a receiver
   * waits for its next message
   */
  subscribe(
    channel: string,
    handler: (message: Message) => unknown,
    options: { readonly signal?: AbortSignal } = {},
  ): void {
    this.#assertOpen();
    assertLocalChannelName(channel);
    this.#assertOwn(channel);
    const { signal } = options;
    if (signal?.aborted) return;
    const failed = (error: unknown) =>
      this.#warn(`The handler of channel "${channel}" failed`, error);
    const leave = () => {
      this.#ended.add(channel);
      this.#mailboxes.unhandle(channel);
      for (const group of this.#groups.of(channel)) this.#discard(group, channel);
    };
    this.#ended.delete(channel);
    // It may leave at the first of those that wait, which are handled at once.
    signal?.addEventListener("abort", leave, { once: true });
    try {
      this.#mailboxes.handle(channel, (message) => {
        try {
          const working = handler(message);
          if (isThenable(working)) return Promise.resolve(working).then(() => {}, failed);
        } catch (error) {
          failed(error);
        }
      });
    } catch (error) {
      signal?.removeEventListener("abort", leave);
      throw error;
    }
  }

  /**
   * Puts a process-local channel into a group, or refreshes its membership; also a channel that
   * another instance owns.
   *
   * @param options.info who it is, for {@linkcode presence}; at most 4 KiB of JSON
   */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async groupAdd(
    group: string,
    channel: string,
    options: { readonly info?: MemberInfo } = {},
  ): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    assertLocalChannelName(channel);
    const text = options.info === undefined ? "" : encodeInfo(options.info);
    const owner = ownerOf(channel);
    if (owner === this.#bus.instance) {
      this.#ended.delete(channel);
      return this.#add(group, channel, decodeInfo(text));
    }
    this.#bus.publish(LAYER_TOPIC, encodeEvent("add", { group, channel, text }), { to: owner });
  }

  /** Takes a channel out of a group; no error when it is not in it. */
  // deno-lint-ignore require-await -- errors are rejections, whatever the kind of channel
  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    assertLocalChannelName(channel);
    const owner = ownerOf(channel);
    if (owner === this.#bus.instance) return this.#discard(group, channel);
    this.#bus.publish(LAYER_TOPIC, encodeEvent("discard", { group, channel }), { to: owner });
  }

  /**
   * Sends to every channel of a group, of all instances. A full member misses it; that is counted
   * and reported, not thrown.
   *
   * @throws {MessageTooLargeError} above 1 MiB
   * @throws {TypeError} when the name or the message is not one
   */
  // deno-lint-ignore require-await -- errors are rejections
  async groupSend(group: string, message: Message): Promise<void> {
    this.#assertOpen();
    assertGroupName(group);
    const encoded = encodeMessage(message);
    this.#counters.sent++;
    this.#bus.publish(LAYER_TOPIC, encodeEvent("groupSend", { group, text: encoded.text }));
    if (this.#groups.hasMembers(group)) this.#line.push(group, encoded.frozen);
  }

  /**
   * Who is in a group, of all instances, in the order of their coming. An instance that died is
   * noticed within 15 s.
   *
   * @throws {TypeError} when the layer has no presence store
   */
  async presence(group: string): Promise<Present[]> {
    this.#assertOpen();
    assertGroupName(group);
    if (this.#presence === undefined) {
      throw new TypeError(`Cannot tell who is in "${group}": the layer has no presence store`);
    }
    return await this.#presence.members(group);
  }

  /** Empties all channels and groups, of all instances. */
  async flush(): Promise<void> {
    this.#assertOpen();
    this.#bus.publish(LAYER_TOPIC, encodeEvent("flush"));
    await this.#clear();
    await this.#queues?.clear();
    await this.#bus.flush();
  }

  /**
   * Is told when events may have been missed, so that whoever has a log can catch up. Each
   * registration is called, and ends with its own signal, also where one handler is given twice.
   */
  onDoubt(handler: (reason: Doubt) => void, options: { readonly signal?: AbortSignal } = {}): void {
    this.#assertOpen();
    const { signal: closed } = this.#stop;
    const { signal } = options;
    // The bus may go on without the layer.
    this.#bus.onDoubt(handler, {
      signal: signal === undefined ? closed : AbortSignal.any([closed, signal]),
    });
  }

  /** What it has sent, delivered and lost. */
  counters(): ChannelLayerCounters {
    const expired = this.#mailboxes.expired + (this.#queues?.expired ?? 0);
    const undecodable = this.#counters.undecodable + (this.#readers?.undecodable ?? 0);
    return { ...this.#counters, expired, undecodable, bus: this.#bus.counters() };
  }

  /**
   * Hands on what was sent, ends waiting receivers and releases everything; resolves when all that
   * is done, whoever called it first.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close().finally(() => layered.delete(this.#bus));
  }

  /** The same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const reason = new Error("Cannot go on: the channel layer is closed");
    this.#stop.abort(reason);
    clearInterval(this.#sweep);
    this.#mailboxes.end(reason);
    // Also what could not be told to a database that is away leaves no connection behind.
    await using released = new AsyncDisposableStack();
    for (const owned of this.#owned.toReversed()) released.use(owned);
    await this.#readers?.end(reason);
    await this.#presence?.close();
    this.#groups.clear();
    await this.#bus.flush();
  }

  #assertOpen(): void {
    this.#stop.signal.throwIfAborted();
  }

  #assertOwn(channel: string): void {
    if (ownerOf(channel) === this.#bus.instance) return;
    throw new TypeError(`Cannot receive from channel "${channel}": another instance owns it`);
  }

  #queueReaders(channel: string): QueueReaders {
    if (this.#readers !== undefined) return this.#readers;
    throw new TypeError(`Cannot use queue channel "${channel}": the layer has no queue store`);
  }

  async #enqueue(channel: string, message: EncodedMessage): Promise<void> {
    const readers = this.#queueReaders(channel);
    const { expiryMs: ttlMs, capacityOf } = this.#settings;
    const limits = { ttlMs, capacity: capacityOf(channel) };
    if (!await this.#queues!.put(channel, message.text, limits)) {
      this.#counters.droppedByCapacity++;
      throw new ChannelFullError(channel, message.frozen);
    }
    this.#counters.sent++;
    readers.wake(channel);
    if (!this.#stop.signal.aborted) {
      this.#bus.publish(LAYER_TOPIC, encodeEvent("wake", { channel }));
    }
  }

  #put(channel: string, message: Message): void {
    const expires = this.#now() + this.#settings.expiryMs;
    this.#startSweeping();
    try {
      this.#mailboxes.put(channel, message, expires);
      this.#counters.delivered++;
    } catch (error) {
      if (error instanceof ChannelFullError) this.#counters.droppedByCapacity++;
      throw error;
    }
  }

  #hear(decode: (bytes: Uint8Array) => LayerEvent | null, bytes: Uint8Array): void {
    try {
      const event = decode(bytes);
      if (event !== null) this.#take(event);
    } catch (error) {
      this.#counters.undecodable++;
      this.#warn("What came from another instance, or from SQL, is dropped", error);
    }
  }

  #take(event: LayerEvent): void {
    const { kind, group, channel } = event;
    if (kind === "groupSend") {
      // Most groups of a service have nobody here: their messages are not even parsed.
      if (this.#groups.hasMembers(group)) this.#line.push(group, decodeMessage(event.text));
    } else if (kind === "wake") this.#readers?.wake(channel);
    else if (kind === "flush") void this.#clear();
    else if (ownerOf(channel) !== this.#bus.instance) return;
    else if (kind === "add") this.#addFromElsewhere(group, channel, event.text);
    else if (kind === "discard") this.#discard(group, channel);
    else this.#deliver(channel, decodeMessage(event.text));
  }

  /** Whoever wants it in the group may not know yet that it was given up. */
  #addFromElsewhere(group: string, channel: string, info: string): void {
    if (!this.#ended.has(channel)) this.#add(group, channel, decodeInfo(info));
  }

  #add(group: string, channel: string, info: MemberInfo | null): void {
    const { groupExpiryMs } = this.#settings;
    const membership: Membership = { group, channel, info, until: this.#now() + groupExpiryMs };
    this.#groups.add(membership);
    this.#presence?.join(membership, groupExpiryMs);
    this.#startSweeping();
  }

  #discard(group: string, channel: string): void {
    if (this.#groups.discard(group, channel)) this.#presence?.leave(group, channel);
  }

  *#memberships(): Iterable<readonly [Membership, number]> {
    const now = this.#now();
    for (const membership of this.#groups.all()) yield [membership, membership.until - now];
  }

  #deliverToMembers(group: string, message: Message): void {
    const now = this.#now();
    for (const { channel, until } of this.#groups.members(group)) {
      if (until <= now && !this.#mailboxes.handled(channel)) this.#discard(group, channel);
      else if (this.#groups.has(group, channel)) this.#deliver(channel, message);
    }
  }

  #deliver(channel: string, message: Message): void {
    try {
      this.#put(channel, message);
    } catch (error) {
      if (!(error instanceof ChannelFullError)) throw error;
      // Told once until it has room again: a reader that is away for long is one piece of news.
      if (this.#mailboxes.overflows(channel)) this.#warn("Messages are dropped", error);
    }
  }

  #startSweeping(): void {
    if (this.#sweep !== undefined) return;
    // Often enough that a membership with a handler is renewed before it would end.
    const intervalMs = Math.min(SWEEP_INTERVAL_MS, this.#settings.groupExpiryMs / 4);
    this.#sweep = setInterval(() => {
      this.#sweepGroups();
      this.#mailboxes.sweep();
      if (!this.#groups.empty || !this.#mailboxes.empty) return;
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }, intervalMs);
    // It is no reason for a program to go on.
    Deno.unrefTimer(this.#sweep as unknown as number);
  }

  /** Expiry is for channels that nobody gave up: one with a handler lives, and stays. */
  #sweepGroups(): void {
    const now = this.#now();
    const renewedBelowMs = this.#settings.groupExpiryMs / 2;
    for (const { group, channel, until, info } of [...this.#groups.all()]) {
      if (!this.#mailboxes.handled(channel)) {
        if (until <= now) this.#discard(group, channel);
      } else if (until - now < renewedBelowMs) this.#add(group, channel, info);
    }
  }

  async #clear(): Promise<void> {
    this.#line.clear();
    this.#mailboxes.clear();
    this.#groups.clear();
    await this.#presence?.clear();
  }
}

function encodeInfo(info: MemberInfo): string {
  const { text } = encodeMessage(info);
  const bytes = Buffer.byteLength(text);
  if (bytes > MEMBER_INFO_MAX_BYTES) {
    throw new RangeError(
      `Cannot tell who a member is in ${bytes} bytes: at most ${MEMBER_INFO_MAX_BYTES} pass`,
    );
  }
  return text;
}
