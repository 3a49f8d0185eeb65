/** A channel has as many messages as it may hold. */
export class ChannelFullError extends Error {
  override readonly name = "ChannelFullError";
  /** What was not sent. */
  readonly unsent: Message;

  constructor(channel: string, unsent: Message) {
    super(`Cannot send to channel "${channel}": it is full`);
    this.unsent = unsent;
  }
}

/** A message is larger than a layer carries. */
export class MessageTooLargeError extends Error {
  override readonly name = "MessageTooLargeError";

  constructor(bytes: number, limit: number) {
    super(`Cannot send a message of ${bytes} bytes: at most ${limit} pass`);
  }
}

/** What travels through a channel: a JSON object, by convention with a `type`. */
export type Message = { readonly [key: string]: unknown };
