import { Mailbox, type MailboxHandler } from "./mailbox.ts";
import type { Message } from "./message.ts";

/** The mailboxes of an instance's channels: made when needed, forgotten when idle. */
export class Mailboxes {
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #now: () => number;
  readonly #capacityOf: (channel: string) => number;
  #expired = 0;

  /** @param capacityOf how many messages a channel holds */
  constructor(capacityOf: (channel: string) => number, now: () => number) {
    this.#capacityOf = capacityOf;
    this.#now = now;
  }

  get empty(): boolean {
    return this.#mailboxes.size === 0;
  }

  /** Messages that nobody took in time. */
  get expired(): number {
    let expired = this.#expired;
    for (const mailbox of this.#mailboxes.values()) expired += mailbox.expired;
    return expired;
  }

  /** @throws {ChannelFullError} at capacity */
  put(channel: string, message: Message, expires: number): void {
    const mailbox = this.#mailbox(channel);
    mailbox.put(message, expires);
    if (mailbox.idle) this.#forget(channel, mailbox);
  }

  async take(channel: string, signal?: AbortSignal): Promise<Message> {
    const mailbox = this.#mailbox(channel);
    try {
      return await mailbox.take(signal);
    } finally {
      this.#forget(channel, mailbox);
    }
  }

  handle(channel: string, handler: MailboxHandler): void {
    this.#mailbox(channel).handle(handler);
  }

  /** Whether a handler takes a channel's messages. */
  handled(channel: string): boolean {
    return this.#mailboxes.get(channel)?.handled === true;
  }

  unhandle(channel: string): void {
    const mailbox = this.#mailboxes.get(channel);
    mailbox?.unhandle();
    mailbox?.clear();
    if (mailbox !== undefined) this.#forget(channel, mailbox);
  }

  /** Whether a channel's overflow is news. */
  overflows(channel: string): boolean {
    const mailbox = this.#mailbox(channel);
    if (mailbox.overflowing) return false;
    return mailbox.overflowing = true;
  }

  /** Drops what nobody took in time. */
  sweep(): void {
    for (const [channel, mailbox] of this.#mailboxes) {
      mailbox.dropExpired();
      this.#forget(channel, mailbox);
    }
  }

  /** Drops what waits. */
  clear(): void {
    for (const [channel, mailbox] of this.#mailboxes) {
      mailbox.clear();
      this.#forget(channel, mailbox);
    }
  }

  /** Ends every wait and forgets everything. */
  end(reason: unknown): void {
    for (const mailbox of this.#mailboxes.values()) {
      mailbox.end(reason);
      this.#expired += mailbox.expired;
    }
    this.#mailboxes.clear();
  }

  #mailbox(channel: string): Mailbox {
    let mailbox = this.#mailboxes.get(channel);
    if (mailbox === undefined) {
      mailbox = new Mailbox(channel, this.#capacityOf(channel), this.#now);
      this.#mailboxes.set(channel, mailbox);
    }
    return mailbox;
  }

  #forget(channel: string, mailbox: Mailbox): void {
    if (!mailbox.idle || this.#mailboxes.get(channel) !== mailbox) return;
    this.#expired += mailbox.expired;
    this.#mailboxes.delete(channel);
  }
}
