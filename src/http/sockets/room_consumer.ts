import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Person } from "../../accounts/mod.ts";
import { WebSocketConsumer } from "../../channels/mod.ts";
import {
  type Append,
  type AppendOrigin,
  type AppendResult,
  type Chat,
  epochOf,
  type Hub,
  type HubMember,
  type Role,
  type RoomAccess,
  type RoomView,
  toRuns,
} from "../../chat/mod.ts";
import { isUnavailable } from "../../db/errors.ts";
import {
  CLOSE,
  type ErrorCode,
  ERRORS,
  FRAME_MAX_BYTES,
  RESUME_MAX_ENTRIES,
  SUBPROTOCOL,
} from "../../protocol/codes.ts";
import { clientFrames, type MessageFrame, type ResetFrame } from "../../protocol/frames.ts";
import { messageTextError } from "../../protocol/text.ts";
import type { RoomName } from "../../protocol/room_name.ts";
import type { HeldSocket, Sockets } from "./sockets.ts";
import { Transport } from "./transport.ts";

/** Missed entries go out in slices of about this many bytes … */
export const RESUME_SLICE_BYTES = 256 * 1024;
/** … the next one when less than this is unsent. */
export const RESUME_LOW_WATER_BYTES = 64 * 1024;

/** What all {@linkcode RoomConsumer}s share. */
export interface RoomConsumerContext {
  readonly chat: Chat;
  readonly sockets: Sockets;
  readonly onError: (message: string, error: unknown) => void;
}

/** Who comes, from where, and to which room; of no more use once they are in. */
export interface RoomEntrance {
  /** The connection under the WebSocket. */
  readonly connection: Socket;
  readonly person: Person;
  readonly room: RoomName;
  readonly address: string;
  /** Where the client was, when it comes back. */
  readonly resume: Resume | null;
}

interface Resume {
  readonly after: number;
  readonly epoch: string;
}

/**
 * One person's socket in one room: the life from entering, through catching up, to being live, and
 * what the person sends meanwhile.
 *
 * It joins its hub in the same turn in which its position reaches the hub's, so nothing falls
 * between what it read from the log and what the hub gives it.
 */
export class RoomConsumer extends WebSocketConsumer implements HubMember, AppendOrigin {
  /** Whether the client speaks `maru.v1`. */
  joined = false;
  position = 0;
  closed = false;
  readonly #context: RoomConsumerContext;
  #entrance: RoomEntrance | undefined;
  #transport!: Transport;
  #held!: HeldSocket;
  #person: Person;
  #hub: Hub | undefined;
  /** Counts what came from the client. */
  #received = 0;
  /** Refused, and to be sent again before anything that came after it: so the order holds. */
  #blockedOn: { readonly id: string; readonly order: number } | null = null;

  constructor(context: RoomConsumerContext, entrance: RoomEntrance) {
    super();
    this.#context = context;
    this.#entrance = entrance;
    this.#person = entrance.person;
  }

  get userId(): string {
    return this.#person.id;
  }

  /**
   * Enters the room and catches up; afterwards the socket is live, or closed with a verdict. What
   * the client sends meanwhile waits in the kernel.
   */
  override async connect(): Promise<void> {
    const { sockets } = this.#context;
    const entrance = this.#entrance!;
    this.#entrance = undefined;
    this.joined = this.scope.subprotocols.includes(SUBPROTOCOL);
    await this.accept(this.joined ? SUBPROTOCOL : undefined);
    this.#transport = new Transport(this.raw as WebSocket, entrance.connection, sockets.pacer);
    this.#held = sockets.hold(this, this.#transport);
    await this.#enter(entrance);
  }

  /** Takes a frame of the client's. */
  override receive(data: string | Uint8Array): void {
    if (this.closed) return;
    if (Buffer.byteLength(data) > FRAME_MAX_BYTES) {
      return this.#end("frame_too_large", CLOSE.FRAME_TOO_LARGE);
    }
    if (typeof data !== "string") return this.#badFrame("Send text, not binary");
    // Only joined frames have several lines; others may be JSON in any layout.
    const objects = this.joined ? data.split("\n") : [data];
    for (const object of objects) {
      if (this.closed) return;
      if (object.trim() !== "") this.#receiveObject(object);
      else if (objects.length === 1) this.#badFrame("An empty frame");
    }
  }

  override disconnect(): void {
    this.leave();
    this.#context.sockets.release(this.#held);
  }

  /** The peer is gone. What it sent and is not in flight is dropped. */
  leave(): void {
    this.closed = true;
    this.#hub?.leave(this);
  }

  /** The server is about to stop: the client is to come back elsewhere. */
  goAway(): void {
    this.#end("going_away", CLOSE.GOING_AWAY);
  }

  /** It does not read. */
  tooSlow(): void {
    this.#end("too_slow", CLOSE.TOO_SLOW);
  }

  override send(frames: Uint8Array): void {
    this.#transport.send(frames);
  }

  reset(reason: ResetFrame["reason"], epoch: string, position: number): void {
    // The client will send again what the lost history had of it, and only then what was refused:
    // this socket can neither refuse that nor take what is on its way and comes after both.
    if (this.#blockedOn !== null) {
      return this.#end("database_unavailable", CLOSE.DATABASE_UNAVAILABLE);
    }
    this.#sendJoined({ type: "reset", reason, epoch, position });
    // Within a busy socket's interval entries go out before lines: those of the new history must not.
    this.#transport.flush();
  }

  accessChanged(access: RoomAccess, role: Role | null): void {
    const refused = this.#context.chat.policy.refusesReading(this.#person, access, role);
    if (refused !== null) this.#refuseEntry(refused);
  }

  roomDeleted(): void {
    this.#refuseEntry("no_such_room");
  }

  renamed(name: string): void {
    this.#person = { ...this.#person, name };
  }

  accepts({ id, order = 0 }: Append): boolean {
    const blocked = this.#blockedOn;
    return blocked === null || order < blocked.order || id === blocked.id;
  }

  /** Whoever is gone need not be caught up any more. */
  get #gone(): boolean {
    return this.closed || !this.#transport.open;
  }

  async #enter({ room, address, resume }: RoomEntrance): Promise<void> {
    const { chat, onError } = this.#context;
    try {
      const entered = await chat.enter(room, this.#person, { create: true, address });
      if (this.#gone) return;
      if ("refused" in entered) return this.#refuseEntry(entered.refused, entered.retryAfter);
      await this.#join(entered.view, resume);
    } catch (error) {
      // A database that is away tells so itself, once.
      if (!isUnavailable(error)) onError("Cannot enter a room", error);
      this.#end("database_unavailable", CLOSE.DATABASE_UNAVAILABLE);
    }
  }

  async #join(room: RoomView, resume: Resume | null): Promise<void> {
    const { chat } = this.#context;
    const hub = chat.hubs.get(room.id);
    if (!await hub.open() || hub.deleted) return this.#refuseEntry("no_such_room");
    // The database was put back or another server took over, and the sweep has not seen it yet.
    if (hub.history !== room.history) await chat.hubs.sweep();
    if (this.#gone) return;
    const { id: userId } = this.#person;
    if (!hub.admit(room.access, userId, room.role)) {
      await chat.hubs.refreshAccess(room.id, [userId]);
      if (this.#gone) return;
    }
    this.#hub = hub;
    // Whatever either has seen is committed: neither a lagging hub nor an older read is the head.
    const head = Math.max(room.head, hub.position);
    const reset = resume === null ? null : resetReason(resume, hub.epoch, head, room);
    this.position = resume === null || reset !== null ? head : resume.after;
    this.#sendJoined({
      type: "welcome",
      room: {
        name: room.room.name,
        created_at: room.room.created_at,
        last_seq: room.room.last_seq,
      },
      you: { id: userId, name: this.#person.name },
      epoch: hub.epoch,
      position: this.position,
      last_seq: room.room.last_seq,
    });
    if (reset !== null) this.reset(reset, hub.epoch, this.position);
    const epoch = hub.epoch;
    while (this.position < hub.position && hub.epoch === epoch) {
      if (!await this.#catchUp(hub, epoch)) return;
    }
    if (hub.deleted) return this.#refuseEntry("no_such_room");
    if (hub.epoch !== epoch) {
      this.position = hub.position;
      this.reset("epoch", hub.epoch, hub.position);
    }
    hub.join(this);
    // Rights that changed while it caught up were told to those who had joined.
    if (hub.access.accessVersion !== room.access.accessVersion) {
      await chat.hubs.refreshAccess(room.id);
    }
    this.accessChanged(hub.access, hub.roleOf(userId));
  }

  /** Reads and sends what comes next; false when the socket is closed meanwhile. */
  async #catchUp(hub: Hub, epoch: string): Promise<boolean> {
    const page = await this.#context.chat.log.read(hub.roomId, this.position);
    if (this.#gone) return false;
    if (page === null) {
      this.#refuseEntry("no_such_room");
      return false;
    }
    const retained = page.firstPosition <= this.position + 1;
    if (epochOf(page.history, hub.roomId) !== epoch || (retained && page.entries.length === 0)) {
      // Nothing to read up to the hub's position: the history has changed, the sweep will tell.
      await this.#context.chat.hubs.sweep();
      return !this.#gone;
    }
    if (!retained) {
      // Retention has passed it meanwhile.
      this.position = hub.position;
      this.reset("retention", epoch, this.position);
      return true;
    }
    let slice: typeof page.entries = [];
    let bytes = 0;
    for (const entry of page.entries) {
      slice.push(entry);
      bytes += entry.text.length;
      if (bytes < RESUME_SLICE_BYTES && entry !== page.entries.at(-1)) continue;
      for (const run of toRuns(slice)) {
        this.#transport.send(this.joined ? run.joinedFrame : run.plainFrames);
      }
      this.position = entry.position;
      slice = [];
      bytes = 0;
      await this.#transport.drained(RESUME_LOW_WATER_BYTES);
      if (this.#gone) return false;
    }
    return true;
  }

  #receiveObject(text: string): void {
    let object: unknown;
    try {
      object = JSON.parse(text);
    } catch {
      return this.#badFrame("Not JSON");
    }
    if (typeof object !== "object" || object === null || Array.isArray(object)) {
      return this.#badFrame("Not a JSON object");
    }
    const { type = "message" } = object as { type?: unknown };
    if (type === "ping") {
      this.#sendJoined({ type: "pong" });
    } else if (type === "message") {
      const result = clientFrames.message.safeParse(object);
      if (result.success) return this.#receiveMessage(result.data);
      const issue = result.error.issues[0]!;
      this.#error("invalid", echoId(object), {
        message: `${ERRORS.invalid.text}: ${issue.path.join(".")}: ${issue.message}`,
      });
    } else {
      this.#badFrame(`No frame of type ${JSON.stringify(type).slice(0, 40)} is known`);
    }
  }

  #receiveMessage(frame: MessageFrame): void {
    const { chat } = this.#context;
    const id = frame.id ?? crypto.randomUUID();
    const invalid = messageTextError(frame.message);
    if (invalid !== null) return this.#error(invalid, frame.id);
    const order = ++this.#received;
    if (this.#blockedOn !== null && this.#blockedOn.id !== id) {
      return this.#error("out_of_order", frame.id);
    }
    const retryAfter = chat.messageRate.take(this.#person.id);
    if (retryAfter > 0) return this.#refuseForNow("rate_limited", frame.id, order, retryAfter);
    const refused = chat.policy.refusesWriting(
      this.#person,
      this.#hub!.access,
      this.#hub!.roleOf(this.#person.id),
    );
    if (refused !== null) return this.#error(refused, frame.id);
    this.#blockedOn = null;
    const append: Append = {
      roomId: this.#hub!.roomId,
      id,
      sender: { id: this.#person.id, name: this.#person.name },
      text: frame.message,
      replyTo: frame.reply_to,
      accessVersion: this.#hub!.access.accessVersion,
      origin: this,
      order,
      settle: (result) => this.#settle(append, frame.id, result),
    };
    chat.enqueue(append);
  }

  #settle({ id, order = 0 }: Append, ownId: string | undefined, result: AppendResult): void {
    if (this.closed) return;
    if (!result.stored) return this.#refuseForNow(result.code, ownId, order);
    if (!this.joined) return;
    this.#transport.sendLine(
      `{"type":"ack","id":"${id}","seq":${result.seq},"position":${result.position}}`,
    );
  }

  #refuseForNow(
    code: ErrorCode,
    id: string | undefined,
    order: number,
    retryAfter?: number,
  ): void {
    // Without an id of its own a client cannot send the same again: nothing waits for it.
    if (ERRORS[code].retry && id !== undefined) this.#blockedOn ??= { id, order };
    this.#error(code, id, retryAfter === undefined ? {} : { retry_after: round(retryAfter) });
  }

  #badFrame(detail: string): void {
    this.#error("bad_frame", undefined, { message: `${ERRORS.bad_frame.text}: ${detail}` });
    this.#close(CLOSE.BAD_FRAME, "bad_frame");
  }

  #refuseEntry(code: ErrorCode, retryAfter?: number): void {
    this.#error(
      code,
      undefined,
      retryAfter === undefined ? {} : { retry_after: round(retryAfter) },
    );
    this.#close(CLOSE_OF[code] ?? CLOSE.NOT_ALLOWED, code);
  }

  #end(code: ErrorCode, close: number): void {
    if (this.closed) return;
    this.#error(code, undefined);
    this.#close(close, code);
  }

  #close(code: number, reason: string): void {
    this.leave();
    this.#transport.close(code, reason);
  }

  #error(code: ErrorCode, id: string | undefined, more: Record<string, unknown> = {}): void {
    const { text, retry } = ERRORS[code];
    const frame = {
      type: "error",
      code,
      message: text,
      ...(id === undefined ? {} : { id }),
      retry,
    };
    this.#sendAny({ ...frame, ...more });
  }

  #sendJoined(frame: object): void {
    if (this.joined) this.#sendAny(frame);
  }

  #sendAny(frame: object): void {
    this.#transport.sendLine(JSON.stringify(frame));
    // One object a frame for whoever did not ask for more.
    if (!this.joined) this.#transport.flush();
  }
}

const CLOSE_OF: Partial<Record<ErrorCode, number>> = {
  no_such_room: CLOSE.NO_SUCH_ROOM,
  not_signed_in: CLOSE.NOT_SIGNED_IN,
  rate_limited: CLOSE.TOO_MANY_SOCKETS,
};

function resetReason(
  resume: Resume,
  epoch: string,
  head: number,
  room: RoomView,
): ResetFrame["reason"] | null {
  if (resume.epoch !== epoch) return "epoch";
  if (resume.after > head) return "ahead";
  if (resume.after < room.firstPosition - 1) return "retention";
  if (head - resume.after > RESUME_MAX_ENTRIES) return "behind";
  return null;
}

function echoId(object: object): string | undefined {
  const { id } = object as { id?: unknown };
  return typeof id === "string" && id.length <= 100 ? id : undefined;
}

function round(seconds: number): number {
  return Math.ceil(seconds * 10) / 10;
}
