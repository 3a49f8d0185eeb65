import type { ChannelLayer } from "../layer.ts";
import type { Message } from "../message.ts";
import { assertChannelName } from "../names.ts";
import { settled } from "../queue_readers.ts";
import { unfailing, type WarnHandler } from "../subscribers.ts";
import { begin, type Consumer, dispatch } from "./consumer.ts";
import { HANDLER_TIMEOUT_MS } from "./session.ts";
import { assertTimeLimits, inTime, TIMER_MAX_MS } from "../time_limit.ts";

/** What is at work when the worker stops has so long to end. */
export const WORKER_GRACE_MS = 30_000;
// A store answers within 5 s, or not at all: it is asked once to take, and once to put back.
const PUT_BACK_MAX_MS = 15_000;

/** Options of {@linkcode runWorker}. */
export interface WorkerOptions {
  /**
   * Stops the worker: it takes nothing more, ends what it began, and puts back what was being taken
   * for it.
   */
  readonly signal?: AbortSignal;
  /**
   * A handler that takes longer is given up: its consumer is replaced. In ms; Infinity for none.
   * @default 60000
   */
  readonly handlerTimeoutMs?: number;
  /**
   * How long a stop waits for what is at work, in ms; Infinity for as long as `handlerTimeoutMs`
   * lets it, 0 for not at all. @default 30000
   */
  readonly graceMs?: number;
  /** Told of handlers that fail. @default silent */
  readonly warn?: WarnHandler;
}

/**
 * Serves queue channels: each message goes to one worker of all, to the handler of its type. One
 * consumer serves a channel, one message at a time; for more at once run more workers.
 *
 * Delivery is at most once: a message whose handler fails, or whose worker is killed, is gone. Work
 * that must not be lost is a task (`maru/tasks`).
 *
 * @returns when the signal has aborted, what was at work has ended, and what was being taken has been
 * put back (while the database does not answer, it waits 15 s for that): the process may end then
 * @throws {TypeError} when a name is not that of a queue channel; then nothing has begun
 * @throws {RangeError} when an option is no time; then nothing has begun
 * @throws {unknown} what a constructor throws at the start; then nothing has been taken. What one
 * throws later, for a consumer that replaces another, or the layer when it is closed; the other
 * channels are given up then as by the signal
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Consumer, memoryChannelLayer, type Message, runWorker } from "maru/channels";
 *
 * class ThumbnailConsumer extends Consumer {
 *   async thumbnailMake({ id, reply }: Message) {
 *     await this.layer.send(reply as string, { type: "thumbnail.made", id });
 *   }
 * }
 *
 * await using layer = memoryChannelLayer();
 * const stop = new AbortController();
 * const worker = runWorker(layer, { thumbnails: ThumbnailConsumer }, { signal: stop.signal });
 *
 * const reply = layer.newChannel("reply");
 * await layer.send("thumbnails", { type: "thumbnail.make", id: 7, reply });
 * assert.deepEqual(await layer.receive(reply), { type: "thumbnail.made", id: 7 });
 *
 * stop.abort();
 * await worker;
 * ```
 */
export async function runWorker(
  layer: ChannelLayer,
  consumers: Readonly<Record<string, new () => Consumer>>,
  options: WorkerOptions = {},
): Promise<void> {
  for (const channel of Object.keys(consumers)) {
    assertChannelName(channel);
    if (channel.includes("!")) {
      throw new TypeError(`Cannot serve channel "${channel}": it is process-local`);
    }
  }
  const { handlerTimeoutMs = HANDLER_TIMEOUT_MS, graceMs = WORKER_GRACE_MS } = options;
  assertTimeLimits({ handlerTimeoutMs, ...graceMs === 0 ? {} : { graceMs } });
  // Before a message is taken, which would be gone if one cannot be made.
  const served = Object.entries(consumers).map(([channel, Type]) =>
    [channel, Type, new WorkingConsumer(new Type(), layer, channel)] as const
  );
  // Nobody could stop those that go on when one cannot.
  const failed = new AbortController();
  const stops = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([...stops, failed.signal]);
  const warn = unfailing(options.warn ?? (() => {}));
  await Promise.all(
    served.map(async ([channel, Type, first]) => {
      try {
        await serve({ layer, channel, Type, signal, warn, handlerTimeoutMs, graceMs }, first);
      } catch (error) {
        failed.abort(error);
      }
    }),
  );
  await untilPutBack(signal, warn);
  failed.signal.throwIfAborted();
}

/** One channel, and how it is served. */
interface Service extends Required<WorkerOptions> {
  readonly layer: ChannelLayer;
  readonly channel: string;
  readonly Type: new () => Consumer;
}

async function serve(service: Service, first: WorkingConsumer): Promise<void> {
  const { layer, channel, Type, signal, warn } = service;
  let worker: WorkingConsumer | undefined = first;
  try {
    for await (const message of layer.messages(channel, { signal })) {
      worker ??= new WorkingConsumer(new Type(), layer, channel);
      try {
        await worker.handle(message, service);
      } catch (error) {
        warn(`${Type.name} failed at a message of type ${message["type"]}`, error);
        if (error instanceof GivenUp) worker = undefined;
      }
    }
  } finally {
    // Also when the layer is closed, which ends the messages with an error.
    worker?.end("The worker stops");
  }
}

/** Who stops is likely to end its process next: what was being taken would be lost with it. */
async function untilPutBack(signal: AbortSignal, warn: WarnHandler): Promise<void> {
  const late = `The queue store does not answer within ${PUT_BACK_MAX_MS} ms`;
  try {
    await inTime(settled(signal), PUT_BACK_MAX_MS, late);
  } catch (error) {
    warn("Cannot put back what was being taken: it may be lost", error);
  }
}

/** A handler was not done in time. */
class GivenUp extends Error {}

class WorkingConsumer {
  readonly #consumer: Consumer;
  readonly #done = new AbortController();

  constructor(consumer: Consumer, layer: ChannelLayer, channel: string) {
    this.#consumer = consumer;
    begin(consumer, { layer, channelName: () => channel, signal: this.#done.signal });
  }

  end(reason: string): void {
    this.#done.abort(new Error(reason));
  }

  /** @throws {GivenUp} when it takes too long, by itself or while the worker stops */
  async handle(message: Message, service: Service): Promise<void> {
    const { handlerTimeoutMs, graceMs, signal } = service;
    const late = Promise.withResolvers<never>();
    const timers: ReturnType<typeof setTimeout>[] = [];
    const limit = (ms: number) => {
      if (ms > TIMER_MAX_MS) return;
      timers.push(setTimeout(() => late.reject(new GivenUp(`Not done within ${ms} ms`)), ms));
    };
    const stopping = () => limit(graceMs);
    limit(handlerTimeoutMs);
    signal.addEventListener("abort", stopping, { once: true });
    // It may have aborted after the message was taken.
    if (signal.aborted) stopping();
    try {
      await Promise.race([dispatch(this.#consumer, message), late.promise]);
    } catch (error) {
      if (error instanceof GivenUp) this.end(error.message);
      throw error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", stopping);
    }
  }
}
