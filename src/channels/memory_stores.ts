import type { Membership } from "./groups.ts";
import type {
  PresenceSession,
  PresenceStore,
  Present,
  QueuedMessage,
  QueueStore,
} from "./stores.ts";

/** Keeps queue channels in this process; may be shared by its layers. */
export function memoryQueueStore(options: { readonly now?: () => number } = {}): QueueStore {
  return new MemoryQueueStore(options.now ?? Date.now);
}

/** Keeps presence in this process; may be shared by its layers. */
export function memoryPresenceStore(options: { readonly now?: () => number } = {}): PresenceStore {
  const groups: Entries = new Map();
  return { attach: (instance) => new MemoryPresence(groups, instance, options.now ?? Date.now) };
}

// Looks that often, when something is put, for what has expired in channels that nobody asks for.
const SWEEP_INTERVAL_MS = 10_000;

interface Kept {
  readonly id: number;
  readonly text: string;
  readonly expires: number;
}

class MemoryQueueStore implements QueueStore {
  readonly #now: () => number;
  readonly #queues = new Map<string, Kept[]>();
  #lastId = 0;
  #sweptAt: number;
  expired = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#sweptAt = now();
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async put(channel: string, text: string, limits: { ttlMs: number; capacity: number }) {
    this.#sweep();
    const queue = this.#live(channel);
    if (queue.length >= limits.capacity) return false;
    queue.push({ id: ++this.#lastId, text, expires: this.#now() + limits.ttlMs });
    this.#queues.set(channel, queue);
    return true;
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async take(channel: string, count: number): Promise<QueuedMessage[]> {
    const queue = this.#live(channel);
    const taken = queue.splice(0, count);
    if (queue.length === 0) this.#queues.delete(channel);
    const now = this.#now();
    return taken.map(({ id, text, expires }) => ({ id, text, ttlMs: expires - now }));
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async putBack(channel: string, messages: readonly QueuedMessage[]): Promise<void> {
    const now = this.#now();
    const queue = this.#live(channel);
    queue.push(...messages.map(({ id, text, ttlMs }) => ({ id, text, expires: now + ttlMs })));
    this.#queues.set(channel, queue.sort((a, b) => a.id - b.id));
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async clear(): Promise<void> {
    this.#queues.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #sweep(): void {
    const now = this.#now();
    if (now - this.#sweptAt < SWEEP_INTERVAL_MS) return;
    this.#sweptAt = now;
    for (const channel of this.#queues.keys()) this.#live(channel);
  }

  #live(channel: string): Kept[] {
    const now = this.#now();
    const queue = this.#queues.get(channel) ?? [];
    const live = queue.filter(({ expires }) => expires > now);
    this.expired += queue.length - live.length;
    if (live.length === 0) this.#queues.delete(channel);
    else this.#queues.set(channel, live);
    return live;
  }
}

/** By group, then by channel, in the order of their coming. */
type Entries = Map<string, Map<string, Entry>>;

interface Entry {
  readonly instance: string;
  readonly info: Present["info"];
  /** In ms of the store's clock, as `until`. */
  readonly since: number;
  readonly until: number;
}

class MemoryPresence implements PresenceSession {
  readonly #groups: Entries;
  readonly #instance: string;
  readonly #now: () => number;

  constructor(groups: Entries, instance: string, now: () => number) {
    this.#groups = groups;
    this.#instance = instance;
    this.#now = now;
  }

  join({ group, channel, info }: Membership, ttlMs: number): void {
    const now = this.#now();
    let entries = this.#groups.get(group);
    if (entries === undefined) this.#groups.set(group, entries = new Map());
    const before = entries.get(channel);
    const stayed = before !== undefined && before.until > now;
    // Who was gone comes last.
    if (!stayed) entries.delete(channel);
    const since = stayed ? before.since : now;
    entries.set(channel, { instance: this.#instance, info, since, until: now + ttlMs });
  }

  leave(group: string, channel: string): void {
    const entries = this.#groups.get(group);
    entries?.delete(channel);
    if (entries?.size === 0) this.#groups.delete(group);
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async members(group: string): Promise<Present[]> {
    const now = this.#now();
    return [...this.#groups.get(group) ?? []]
      .filter(([, { until }]) => until > now)
      // A copy, as from a database: whoever asks may change it.
      .map(([channel, { info, since }]) => ({
        channel,
        info: structuredClone(info),
        since: new Date(since),
      }));
  }

  check(): void {}

  // deno-lint-ignore require-await -- a store's answers are promises
  async clear(): Promise<void> {
    for (const [group, entries] of this.#groups) {
      for (const [channel, { instance }] of entries) {
        if (instance === this.#instance) this.leave(group, channel);
      }
    }
  }

  async close(): Promise<void> {
    await this.clear();
  }
}
