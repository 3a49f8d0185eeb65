import type { Message } from "./message.ts";

/** A channel has as many messages as it may hold. */
export class ChannelFullError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "ChannelFullError";
  /** What was not sent. */
  readonly unsent: Message;

  /** Of a channel, and the message that did not fit. */
  constructor(channel: string, unsent: Message) {
    super(`Cannot send to channel "${channel}": it is full`);
    this.unsent = unsent;
  }
}

/** A message is larger than a layer carries. */
export class MessageTooLargeError extends Error {
  /** Tells it from other errors, also across realms. */
  override readonly name = "MessageTooLargeError";

  /** Of a message's bytes, encoded, and of the most that pass. */
  constructor(bytes: number, limit: number) {
    super(`Cannot send a message of ${bytes} bytes: at most ${limit} pass`);
  }
}
