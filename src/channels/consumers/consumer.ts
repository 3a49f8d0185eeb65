import type { ChannelLayer } from "../layer.ts";
import type { Message } from "../message.ts";

/** What a {@linkcode Consumer} is given when it begins. */
export interface ConsumerContext {
  readonly layer: ChannelLayer;
  /** The channel that it reads; asked for when first needed. */
  channelName(): string;
  /** Aborts when it is done. */
  readonly signal: AbortSignal;
}

/** Gives a consumer what it works with. */
export let begin: (consumer: Consumer, context: ConsumerContext) => void;

/** The prototypes whose methods no event may call. */
export const library: object[] = [Object.prototype];

/**
 * Handles events, one at a time: a message of type `chat.message` calls the method `chatMessage`.
 *
 * A type may have dots, dashes and underscores between its words; one that begins with `_` or `.`,
 * or names a method of the library's own, is refused. A method may return a promise: the next event
 * waits for it.
 *
 * @example
 * ```ts
 * import { Consumer, type Message } from "maru/channels";
 *
 * class ThumbnailConsumer extends Consumer {
 *   async thumbnailMake({ reply, width }: Message) {
 *     await this.layer.send(reply as string, { type: "thumbnail.made", width });
 *   }
 * }
 * ```
 */
export class Consumer {
  #context: ConsumerContext | undefined;

  static {
    begin = (consumer, context) => consumer.#context = context;
    library.push(this.prototype);
  }

  /** The layer that its events come from. */
  get layer(): ChannelLayer {
    return this.#begun.layer;
  }

  /**
   * Its own channel: to be added to groups, to be given away for replies.
   *
   * @throws {Error} named SocketGoneError when its socket is gone and `disconnect` is done; a handler
   * that was given up may still be at work then
   */
  get channelName(): string {
    return this.#begun.channelName();
  }

  /** Aborts when it is done: its socket is gone, its worker stops, a handler took too long. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  get #begun(): ConsumerContext {
    if (this.#context !== undefined) return this.#context;
    throw new TypeError(
      `Cannot use ${this.constructor.name} yet: it begins when it connects; a constructor is too early`,
    );
  }
}

/**
 * Calls the handler of an event.
 *
 * @throws {TypeError} when the message has no type that can be handled, or nobody handles it
 */
export function dispatch(consumer: Consumer, message: Message): unknown {
  const { type } = message;
  if (typeof type !== "string") {
    throw new TypeError(`Cannot handle a message: its type is ${String(type)}, not a string`);
  }
  const name = handlerName(type);
  const handler = (consumer as unknown as Record<string, unknown>)[name];
  if (typeof handler !== "function" || library.some((prototype) => name in prototype)) {
    throw new TypeError(
      `Cannot handle a message of type "${type}": ${consumer.constructor.name} has no ${name}()`,
    );
  }
  return handler.call(consumer, message);
}

/** @throws {TypeError} when no handler can have this name */
function handlerName(type: string): string {
  const known = names.get(type);
  if (known !== undefined) return known;
  if (!/^[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*$/.test(type)) {
    throw new TypeError(
      `Cannot handle a message of type "${type.slice(0, 100)}": not words of letters and digits ` +
        'with ".", "_" or "-" between them',
    );
  }
  const name = type.replace(/[._-](.)/g, (_, first: string) => first.toUpperCase());
  // Types come from code, so they are few; whoever makes them up at random gains nothing here.
  if (names.size < MAX_REMEMBERED_NAMES) names.set(type, name);
  return name;
}

const names = new Map<string, string>();
const MAX_REMEMBERED_NAMES = 1_000;
