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
export function memoryPresenceStore(): PresenceStore {
  const entries = new Map<string, Entry>();
  return { attach: (instance) => new MemoryPresence(entries, instance) };
}

interface Kept {
  readonly id: number;
  readonly text: string;
  readonly expires: number;
}

class MemoryQueueStore implements QueueStore {
  readonly #now: () => number;
  readonly #queues = new Map<string, Kept[]>();
  #lastId = 0;
  expired = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async put(channel: string, text: string, limits: { ttlMs: number; capacity: number }) {
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

interface Entry extends Present {
  readonly group: string;
  readonly instance: string;
  readonly until: number;
}

class MemoryPresence implements PresenceSession {
  readonly #entries: Map<string, Entry>;
  readonly #instance: string;

  constructor(entries: Map<string, Entry>, instance: string) {
    this.#entries = entries;
    this.#instance = instance;
  }

  join({ group, channel, info }: Membership, ttlMs: number): void {
    const key = `${group} ${channel}`;
    const now = Date.now();
    const before = this.#entries.get(key);
    const since = before !== undefined && before.until > now ? before.since : new Date(now);
    const until = now + ttlMs;
    this.#entries.set(key, { group, channel, info, since, until, instance: this.#instance });
  }

  leave(group: string, channel: string): void {
    this.#entries.delete(`${group} ${channel}`);
  }

  // deno-lint-ignore require-await -- a store's answers are promises
  async members(group: string): Promise<Present[]> {
    const now = Date.now();
    return [...this.#entries.values()]
      .filter((entry) => entry.group === group && entry.until > now)
      .map(({ channel, info, since }) => ({ channel, info, since }));
  }

  check(): void {}

  // deno-lint-ignore require-await -- a store's answers are promises
  async clear(): Promise<void> {
    for (const [key, { instance }] of this.#entries) {
      if (instance === this.#instance) this.#entries.delete(key);
    }
  }

  async close(): Promise<void> {
    await this.clear();
  }
}
