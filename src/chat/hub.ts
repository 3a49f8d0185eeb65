import { isUnavailable } from "../db/errors.ts";
import { historyTag } from "./hint.ts";
import type { Role, RoomAccess } from "./policy.ts";
import { epochOf, LOG_PAGE_MAX, type LogPage } from "./room_log.ts";
import { Run, toRuns } from "./run.ts";

/** A socket as its room's hub sees it. */
export interface HubMember {
  readonly userId: string;
  /** Whether it takes several lines in a frame. */
  readonly joined: boolean;
  /** Everything up to here has been given to it; never sent that or less. */
  position: number;
  /** Sends a ready-made WebSocket frame, or several. */
  send(frames: Uint8Array): void;
  /** Its positions mean nothing any more: it goes on from the hub's. */
  reset(reason: "epoch" | "ahead", epoch: string, position: number): void;
  /** Its rights may have changed. */
  accessChanged(access: RoomAccess, role: Role | null): void;
  /** The person has another name now. */
  renamed(name: string): void;
  /** The room is gone. */
  roomDeleted(): void;
}

/** What a {@linkcode Hub} needs of the rest. */
export interface HubContext {
  read(roomId: number, after: number): Promise<LogPage | null>;
  /** How much longer a gap that has stayed for so long waits, in ms; 0: it is read now. */
  gapWaitMs(waitedMs: number): number;
  /** Calls back once at the end of the turn. */
  defer(callback: () => void): void;
  onError(message: string, error: unknown): void;
}

// What is collected ahead of a gap: what does not fit is read from the log.
const MAX_COLLECTED = 1_000;

/**
 * An instance's view of one room: its sockets, and the position up to which they have been given
 * everything.
 *
 * A hub opens by collecting what it is told, then reading its head: whatever was committed before
 * is in the head, whatever after arrives as a hint. From then on an entry at the next position is
 * delivered, one further on makes it read the gap, an earlier one is dropped. Runs that became
 * ready in one turn go out together.
 *
 * All of that within one history: what belongs to another one, from before the database was put
 * back, say, and told late, is refused, since its positions mean other messages.
 */
export class Hub {
  readonly roomId: number;
  readonly members = new Set<HubMember>();
  /** When it lost its last socket, in ms of `performance.now()`. */
  idleSince = performance.now();
  #context: HubContext;
  #position = -1;
  #history = "";
  /** Of the history, or, until that is known, of what was collected first. */
  #tag: number | undefined;
  #access: RoomAccess = { accessVersion: -1, isPrivate: true };
  #roles = new Map<string, Role>();
  #opening: Promise<boolean> | null = null;
  #collected = new Map<number, Run>();
  #ready: Run[] = [];
  #filling = false;
  #behind = false;
  #deleted = false;
  #gapTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(roomId: number, context: HubContext) {
    this.roomId = roomId;
    this.#context = context;
  }

  /** Delivered, or about to be at the end of this turn, up to here; -1 until it is open. */
  get position(): number {
    return this.#position;
  }

  /** Names the history that the positions belong to. */
  get epoch(): string {
    return epochOf(this.#history, this.roomId);
  }

  get history(): string {
    return this.#history;
  }

  get access(): RoomAccess {
    return this.#access;
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  roleOf(userId: string): Role | null {
    return this.#roles.get(userId) ?? null;
  }

  /** Reads the head, once. Resolves to false when there is no such room. */
  open(): Promise<boolean> {
    return this.#opening ??= this.#readHead().catch((error) => {
      this.#opening = null;
      throw error;
    });
  }

  /** Puts a socket among those that are given what arrives. */
  join(member: HubMember): void {
    this.members.add(member);
  }

  leave(member: HubMember): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.idleSince = performance.now();
  }

  /**
   * Takes entries that were committed, from this instance's writer or from another instance. False
   * when they are of another history than the hub's.
   *
   * @param tag the {@linkcode historyTag} of their history
   */
  offer(run: Run, tag: number): boolean {
    this.#tag ??= tag;
    if (tag !== this.#tag) {
      // Which of the two is the log's own is not known yet: the log tells.
      if (this.#position < 0) this.#behind = true;
      return false;
    }
    const rest = run.after(this.#position);
    if (rest === null) return true;
    if (this.#position >= 0 && rest.from === this.#position + 1) {
      this.#accept(rest);
      this.#drain();
      return true;
    }
    this.#collect(rest);
    if (this.#position >= 0 && !this.#filling) this.#awaitGap();
    return true;
  }

  /** Learns that the log reaches at least this far; reads what is missing. */
  catchUp(head: number): void {
    if (head <= this.#position || this.#position < 0) return;
    this.#behind = true;
    if (!this.#filling) void this.#fill();
  }

  /**
   * Learns what one person who enters may do. False when the rights have changed since the hub
   * learnt those of the others: then they are all to be loaded anew.
   */
  admit(access: RoomAccess, userId: string, role: Role | null): boolean {
    if (this.members.size === 0 && access.accessVersion > this.#access.accessVersion) {
      this.#access = access;
      this.#roles.clear();
    }
    if (access.accessVersion !== this.#access.accessVersion) return false;
    this.#setRole(userId, role);
    return true;
  }

  /** Learns the rights of the room and of the people in it, and tells those who are in it. */
  setAccess(access: RoomAccess, roles: ReadonlyMap<string, Role>, of: Iterable<string>): void {
    // An older load that arrives later.
    if (access.accessVersion < this.#access.accessVersion) return;
    this.#access = access;
    for (const userId of of) this.#setRole(userId, roles.get(userId) ?? null);
    for (const member of [...this.members]) {
      member.accessChanged(access, this.roleOf(member.userId));
    }
  }

  /** Positions have another meaning now: everybody loads anew. */
  restart(reason: "epoch" | "ahead", history: string, position: number): void {
    this.flush();
    this.#enter(history);
    this.#position = position;
    this.#collected.clear();
    for (const member of this.members) {
      member.position = position;
      member.reset(reason, this.epoch, position);
    }
  }

  /** The room is gone; its sockets are told, and the hub is of no more use. */
  delete(): void {
    this.close();
    this.flush();
    this.#deleted = true;
    for (const member of [...this.members]) member.roomDeleted();
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#stopWaiting();
    this.#collected.clear();
  }

  /** Sends what became ready in this turn. */
  flush(): void {
    const [first, ...more] = this.#ready;
    if (first === undefined) return;
    this.#ready = [];
    const run = Run.join([first, ...more]);
    for (const member of this.members) {
      const rest = member.position < run.from ? run : run.after(member.position);
      if (rest === null) continue;
      member.position = run.to;
      const frames = member.joined ? rest.joinedFrame : rest.plainFrames;
      if (frames.length > 0) member.send(frames);
    }
  }

  #setRole(userId: string, role: Role | null): void {
    if (role === null) this.#roles.delete(userId);
    else this.#roles.set(userId, role);
  }

  async #readHead(): Promise<boolean> {
    const page = await this.#context.read(this.roomId, Number.MAX_SAFE_INTEGER);
    if (page === null) {
      this.delete();
      return false;
    }
    const collectedTag = this.#tag;
    this.#enter(page.history);
    this.#position = page.head;
    if (this.#collected.size > 0 && collectedTag !== this.#tag) {
      this.#collected.clear();
      this.#behind = true;
    }
    this.#drain();
    if (this.#behind && !this.#filling) void this.#fill();
    return true;
  }

  #enter(history: string): void {
    this.#history = history;
    this.#tag = historyTag(history);
  }

  #accept(run: Run): void {
    this.#position = run.to;
    if (this.#ready.push(run) === 1) this.#context.defer(() => this.flush());
  }

  #collect(run: Run): void {
    const known = this.#collected.get(run.from);
    // A copy may be a part only: of an item that was sent again, say.
    if (known !== undefined && known.to >= run.to) return;
    if (known !== undefined || this.#collected.size < MAX_COLLECTED) {
      this.#collected.set(run.from, run);
    } else this.#behind = true;
  }

  /** Delivers what was collected and follows now; forgets what is behind. */
  #drain(): void {
    if (this.#collected.size === 0) return;
    this.#takeCollected();
    if (this.#collected.size > 0) return this.#awaitGap();
    this.#stopWaiting();
    if (this.#behind && !this.#filling) void this.#fill();
  }

  #takeCollected(): void {
    const runs = [...this.#collected.values()].sort((a, b) => a.from - b.from);
    this.#collected.clear();
    for (const run of runs) {
      const rest = run.after(this.#position);
      if (rest === null) continue;
      if (rest.from === this.#position + 1) this.#accept(rest);
      else this.#collected.set(run.from, run);
    }
  }

  /** A gap mostly closes by itself; only one that stays is worth a read. */
  #awaitGap(): void {
    if (this.#gapTimer === undefined) this.#awaitFor(0);
  }

  #awaitFor(waitedMs: number): void {
    const ms = this.#context.gapWaitMs(waitedMs);
    if (ms === 0) return this.catchUp(Number.MAX_SAFE_INTEGER);
    const position = this.#position;
    this.#gapTimer = setTimeout(() => {
      this.#gapTimer = undefined;
      if (this.#collected.size === 0) return;
      // When it has moved on meanwhile, this is another gap.
      this.#awaitFor(this.#position === position ? waitedMs + ms : 0);
    }, ms);
  }

  #stopWaiting(): void {
    clearTimeout(this.#gapTimer);
    this.#gapTimer = undefined;
  }

  async #fill(): Promise<void> {
    this.#filling = true;
    try {
      while (this.#behind) {
        this.#behind = false;
        const history = this.#history;
        const after = this.#position;
        const earlier = [...this.#collected.keys()];
        const page = await this.#context.read(this.roomId, after);
        if (page === null) return this.delete();
        // A sweep may have found another history meanwhile: then this page is of no use.
        if (page.history !== history || this.#history !== history) return;
        this.#takePage(page, after);
        // Told before the read and still beyond the head: that was never committed.
        for (const from of earlier) this.#collected.delete(from);
        if (this.#collected.size > 0) this.#awaitGap();
      }
    } catch (error) {
      // The sweep asks again: nothing is lost, the log has it.
      if (!isUnavailable(error)) this.#context.onError("Cannot read a gap", error);
    } finally {
      this.#filling = false;
    }
  }

  #takePage(page: LogPage, after: number): void {
    if (page.firstPosition > after + 1 && page.firstPosition > this.#position + 1) {
      // Retention has taken what is missing: only the history can tell what is left.
      return this.restart("ahead", page.history, page.head);
    }
    for (const run of toRuns(page.entries)) {
      const rest = run.after(this.#position);
      if (rest !== null) this.#accept(rest);
    }
    if (page.entries.length === LOG_PAGE_MAX) this.#behind = true;
    this.#takeCollected();
  }
}
