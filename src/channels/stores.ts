import type { MemberInfo, Membership } from "./groups.ts";

/** A message that a {@linkcode QueueStore} keeps. */
export interface QueuedMessage {
  /** Its place in the order of its channel. */
  readonly id: number;
  /** As JSON. */
  readonly text: string;
  /** How long it may still wait, in ms. */
  readonly ttlMs: number;
}

/**
 * Keeps the messages of queue channels, for whichever instance reads them first.
 *
 * In memory (`memoryQueueStore`) or in PostgreSQL (`postgresStores`); a store of another kind
 * implements this.
 */
export interface QueueStore extends AsyncDisposable {
  /**
   * Keeps a message for so many ms.
   *
   * @returns false when the channel holds as many as its capacity
   */
  put(
    channel: string,
    text: string,
    limits: { readonly ttlMs: number; readonly capacity: number },
  ): Promise<boolean>;
  /** Takes the oldest messages, at most so many; nobody else gets them. */
  take(channel: string, count: number): Promise<QueuedMessage[]>;
  /** Puts taken messages back to where they were. */
  putBack(channel: string, messages: readonly QueuedMessage[]): Promise<void>;
  /** Drops everything. */
  clear(): Promise<void>;
  /** Messages that nobody took in time. */
  readonly expired: number;
}

/** Somebody who is in a group. */
export interface Present {
  /** The process-local channel that is in it. */
  readonly channel: string;
  /** What it was added with. */
  readonly info: MemberInfo | null;
  /** Since when. */
  readonly since: Date;
}

/** One instance's part in a {@linkcode PresenceStore}. */
export interface PresenceSession {
  /** Tells who came, without waiting. */
  join(membership: Membership, ttlMs: number): void;
  /** Tells who left, without waiting. */
  leave(group: string, channel: string): void;
  /** Who is in a group, of all instances, in the order of their coming. */
  members(group: string): Promise<Present[]>;
  /** Looks after its entries soon: the store may have lost them. */
  check(): void;
  /** Takes all of this instance's entries out. */
  clear(): Promise<void>;
  /** The same, and ends. */
  close(): Promise<void>;
}

/** Knows who is in which group, across instances. */
export interface PresenceStore {
  /**
   * Begins for an instance.
   *
   * @param all its memberships with what is left of each in ms, for a store that lost them
   */
  attach(
    instance: string,
    all: () => Iterable<readonly [Membership, number]>,
  ): PresenceSession;
}
