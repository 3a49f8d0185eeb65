import type { Person } from "../accounts/mod.ts";
import type { Bus, ChannelLayer, Message } from "../channels/mod.ts";
import type { Pool } from "../db/pool.ts";
import type { ErrorCode } from "../protocol/codes.ts";
import type { RoomName } from "../protocol/room_name.ts";
import { Hubs } from "./hubs.ts";
import { loadAccess, Policy, type PolicyOptions } from "./policy.ts";
import { type Rate, RateLimit } from "./rate_limit.ts";
import { RoomLog } from "./room_log.ts";
import { Rooms, type RoomView } from "./rooms.ts";
import { TurnEnd } from "./turn.ts";
import type { Append, AppendResult } from "./append.ts";
import { Writer } from "./writer.ts";

/** What {@linkcode Chat} is made of. */
export interface ChatOptions extends PolicyOptions {
  /** One pool of one connection for each writer. */
  readonly writerPools: readonly Pool[];
  readonly readers: Pool;
  readonly bus: Bus;
  readonly layer: ChannelLayer;
  readonly messageRate: Rate;
  readonly onError: (message: string, error: unknown) => void;
}

/** Rooms that one address may make: five at once, then one a minute. */
export const ROOM_CREATION_RATE: Rate = { perSecond: 1 / 60, burst: 5 };

/**
 * The group of the channel layer that hears what open sockets must know of:
 * `{"type": "access.changed", "room_id"}` and `{"type": "person.renamed", "id", "name"}`.
 */
export const ACCESS_GROUP = "maru.access";

/** The chat of one instance: rooms, their logs, the writers and the hubs. */
export class Chat implements AsyncDisposable {
  readonly rooms: Rooms;
  readonly log: RoomLog;
  readonly hubs: Hubs;
  readonly policy: Policy;
  readonly readers: Pool;
  readonly messageRate: RateLimit;
  readonly turn: TurnEnd;
  readonly #creationRate = new RateLimit(ROOM_CREATION_RATE);
  readonly #writers: Writer[];
  readonly #stop = new AbortController();
  readonly #layer: ChannelLayer;
  readonly #onError: ChatOptions["onError"];

  constructor(options: ChatOptions) {
    this.readers = options.readers;
    this.#onError = options.onError;
    this.#layer = options.layer;
    this.policy = new Policy(options);
    this.rooms = new Rooms(options.readers);
    this.log = new RoomLog(options.readers);
    this.messageRate = new RateLimit(options.messageRate);
    this.turn = new TurnEnd(options.onError);
    this.hubs = new Hubs({
      log: this.log,
      readers: options.readers,
      bus: options.bus,
      defer: this.turn.defer,
      onError: options.onError,
    });
    this.#writers = options.writerPools.map((pool) =>
      new Writer({
        log: this.log,
        pool,
        onStored: (roomId, runs, history) => this.hubs.publish(roomId, runs, history),
        recheck: (roomId, senders) => this.#recheck(roomId, senders),
        onError: options.onError,
      })
    );
    this.#watchPeople(options.layer);
  }

  /** Gives a message to its room's writer, which is always the same one. */
  enqueue(append: Append): void {
    this.#writers[append.roomId % this.#writers.length]!.enqueue(append);
  }

  /** Appends a message that comes from no socket, and waits. */
  append(append: Omit<Append, "settle" | "origin">): Promise<AppendResult> {
    const { promise, resolve } = Promise.withResolvers<AppendResult>();
    this.enqueue({ ...append, settle: resolve });
    return promise;
  }

  /**
   * The room of a name for somebody who wants to read it; made on the way where anyone may.
   *
   * @param address whose rooms are counted
   */
  async enter(
    name: RoomName,
    person: Person,
    options: { create: boolean; address: string },
  ): Promise<{ view: RoomView } | { refused: ErrorCode; retryAfter?: number }> {
    let view = await this.rooms.find(name, person);
    if (view === null && options.create && this.policy.refusesCreation(person) === null) {
      const retryAfter = this.#creationRate.take(options.address);
      if (retryAfter > 0) return { refused: "rate_limited", retryAfter };
      await this.rooms.create(name, person);
      view = await this.rooms.find(name, person);
    }
    if (view === null) return { refused: "no_such_room" };
    const refused = this.policy.refusesReading(person, view.access, view.role);
    return refused === null ? { view } : { refused };
  }

  /** Takes a token of an address's rooms: 0, or the seconds until it may make one more. */
  takeRoomCreation(address: string): number {
    return this.#creationRate.take(address);
  }

  /** Whether the policy opens rooms on entering. */
  mayCreate(person: Person): boolean {
    return this.policy.refusesCreation(person) === null;
  }

  /** Stores what is queued and lets go of the hubs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer[Symbol.asyncDispose]()));
    this.#stop.abort();
    await this.hubs[Symbol.asyncDispose]();
  }

  /** Tells the open sockets of somebody, on all instances, their new name. */
  async announceRename(person: Person): Promise<void> {
    await this.#layer.groupSend(ACCESS_GROUP, {
      type: "person.renamed",
      id: person.id,
      name: person.name,
    });
  }

  #rename(event: Message): void {
    for (const hub of this.hubs) {
      for (const member of hub.members) {
        if (member.userId === event["id"]) member.renamed(String(event["name"]));
      }
    }
  }

  async #recheck(roomId: number, senders: readonly string[]) {
    const rows = await this.readers.query((sql) =>
      sql<{ id: string; name: string; is_guest: boolean }[]>`
        select id, name, is_guest from users
        where id in (select value::uuid from json_array_elements_text(${
        JSON.stringify(senders)
      }::text::json))`
    );
    const loaded = await loadAccess(this.readers, roomId, senders);
    if (loaded === null) return null;
    const people = new Map(rows.map((row) => [row.id, row]));
    const refusals = new Map<string, ErrorCode>();
    for (const id of senders) {
      const row = people.get(id);
      const refusal = row === undefined ? "not_signed_in" : this.policy.refusesWriting(
        { id, name: row.name, guest: row.is_guest },
        loaded.access,
        loaded.roles.get(id) ?? null,
      );
      if (refusal !== null) refusals.set(id, refusal);
    }
    return { accessVersion: loaded.access.accessVersion, refusals };
  }

  /** Rights that anyone changed, in psql too, reach open sockets at once; the sweep finds the rest. */
  #watchPeople(layer: ChannelLayer): void {
    const channel = layer.newChannel("chat");
    const { signal } = this.#stop;
    layer.subscribe(channel, (event) => {
      if (event["type"] === "person.renamed") return this.#rename(event);
      const roomId = event["room_id"];
      if (event["type"] !== "access.changed" || typeof roomId !== "number") return;
      this.hubs.refreshAccess(roomId).catch((error) =>
        this.#onError("Cannot refresh the rights of a room", error)
      );
    }, { signal });
    layer.groupAdd(ACCESS_GROUP, channel).catch((error) =>
      this.#onError("Cannot hear of changed rights", error)
    );
  }
}
