import { LoadSocket, textFrame } from "./load_socket.ts";

/** How a server is spoken to: Maru's protocol, one JSON object a frame, or Socket.IO 4 over it. */
export type Framing = "v1" | "plain" | "socket.io";

/** What is told of what a server sends. An `index` is the one that {@linkcode messageFrame} took. */
export interface Hearing {
  message(seq: number, index: number): void;
  ack?(index: number): void;
  error?(code: string): void;
}

/** Where a client of a room is, for when it comes back. */
export interface Place {
  /** Of the last entry that it has. */
  readonly position: number;
  /** Null where the server knows no epochs. */
  readonly epoch: string | null;
}

/** Options of {@linkcode enterRoom}. */
export interface EnterOptions {
  readonly port: number;
  readonly framing: Framing;
  readonly hearing: Hearing;
  /** Come back here. @default enter anew */
  readonly after?: Place | null;
  readonly bufferBytes?: number;
}

/** A client in a room, and where its stream begins. */
export interface Entered {
  readonly socket: LoadSocket;
  readonly place: Place;
}

// The index of a message is in the last twelve digits of its id.
const ID_PREFIX = "00000000-0000-4000-8000-";
const MESSAGE_HEAD = '{"type":"message","position":';
const ACK_HEAD = '{"type":"ack","id":"';
const EVENT_HEAD = '42["message",';
const CODE = {
  a: 0x61,
  comma: 0x2c,
  e: 0x65,
  four: 0x34,
  m: 0x6d,
  newline: 0x0a,
  quote: 0x22,
  two: 0x32,
  w: 0x77,
  zero: 0x30,
} as const;
const decoder = new TextDecoder();
const PONG = textFrame("3");

/** Opens a socket to a room, and waits until the server says that it is in. */
export async function enterRoom(room: string, options: EnterOptions): Promise<Entered> {
  const { port, framing, after = null, bufferBytes } = options;
  const more = bufferBytes === undefined ? {} : { bufferBytes };
  const welcome = Promise.withResolvers<Place>();
  const nowhere = { position: 0, epoch: null };
  if (framing === "socket.io") {
    const opened = Promise.withResolvers<void>();
    const socket: LoadSocket = await LoadSocket.open({
      port,
      path: "/socket.io/?EIO=4&transport=websocket",
      onText: socketIoReader(options.hearing, {
        opened: () => opened.resolve(),
        connected: () => welcome.resolve(nowhere),
        pinged: () => socket.send(PONG),
      }),
      ...more,
    });
    await unlessClosed(socket, opened.promise, room);
    socket.send(textFrame(`40${JSON.stringify({ room, after: after?.position ?? null })}`));
    return { socket, place: await unlessClosed(socket, welcome.promise, room) };
  }
  const socket = await LoadSocket.open({
    port,
    path: `/ws/chat/${room}/${queryOf(after)}`,
    subprotocol: framing === "v1" ? "maru.v1" : null,
    onText: framing === "v1"
      ? joinedReader(options.hearing, welcome.resolve)
      : plainReader(options.hearing, welcome.resolve),
    ...more,
  });
  // Without the subprotocol there is no word of welcome: the handshake is it.
  if (framing === "plain") return { socket, place: nowhere };
  return { socket, place: await unlessClosed(socket, welcome.promise, room) };
}

/** A message with an index for an id. */
export function messageFrame(framing: Framing, index: number, text: string): Uint8Array {
  const id = ID_PREFIX + index.toString(16).padStart(12, "0");
  return textFrame(
    framing === "socket.io"
      ? `42["message",{"id":"${id}","message":"${text}"}]`
      : `{"type":"message","id":"${id}","message":"${text}"}`,
  );
}

function queryOf(after: Place | null): string {
  if (after === null) return "";
  return `?after=${after.position}` +
    (after.epoch === null ? "" : `&epoch=${encodeURIComponent(after.epoch)}`);
}

function unlessClosed<T>(socket: LoadSocket, ready: Promise<T>, room: string): Promise<T> {
  const closed = socket.ended.then(() => {
    throw new Error(`Cannot enter ${room}: the server closed the socket`);
  });
  return Promise.race([ready, closed]);
}

type OnWelcome = (place: Place) => void;
type OnText = (bytes: Uint8Array, start: number, end: number) => void;

function joinedReader(hearing: Hearing, onWelcome: OnWelcome): OnText {
  const read = plainReader(hearing, onWelcome);
  return (bytes, start, end) => {
    for (let at = start; at < end;) {
      let stop = at;
      while (stop < end && bytes[stop] !== CODE.newline) stop++;
      read(bytes, at, stop);
      at = stop + 1;
    }
  };
}

/** Reads one JSON object in place: the servers write its fields in a fixed order. */
function plainReader(hearing: Hearing, onWelcome: OnWelcome): OnText {
  const parse = (bytes: Uint8Array, start: number, end: number) =>
    JSON.parse(decoder.decode(bytes.subarray(start, end))) as Record<string, unknown>;
  return (bytes, start, end) => {
    const kind = bytes[start + '{"type":"'.length];
    if (kind === CODE.m) readMessage(hearing, bytes, start);
    else if (kind === CODE.a) hearing.ack?.(indexOf(bytes, start + ACK_HEAD.length));
    else if (kind === CODE.e) hearing.error?.(String(parse(bytes, start, end)["code"]));
    else if (kind === CODE.w) {
      const { position, epoch } = parse(bytes, start, end);
      onWelcome({ position: Number(position), epoch: String(epoch) });
    }
  };
}

/** Engine.IO 4 and Socket.IO 5 packets: a digit or two, then JSON. */
function socketIoReader(
  hearing: Hearing,
  on: { opened(): void; connected(): void; pinged(): void },
): OnText {
  return (bytes, start, end) => {
    const first = bytes[start];
    const second = bytes[start + 1];
    if (first === CODE.four && second === CODE.two) {
      readMessage(hearing, bytes, start + EVENT_HEAD.length);
    } else if (first === CODE.four && second === CODE.zero) on.connected();
    else if (first === CODE.zero) on.opened();
    else if (first === CODE.two) on.pinged();
    else hearing.error?.(decoder.decode(bytes.subarray(start, end)).slice(0, 100));
  };
}

function readMessage(hearing: Hearing, bytes: Uint8Array, start: number): void {
  let at = start + MESSAGE_HEAD.length;
  while (bytes[at] !== CODE.comma) at++;
  at += ',"seq":'.length;
  let seq = 0;
  for (; bytes[at] !== CODE.comma; at++) seq = seq * 10 + bytes[at]! - CODE.zero;
  at += ',"version":'.length;
  while (bytes[at] !== CODE.comma) at++;
  hearing.message(seq, indexOf(bytes, at + ',"id":"'.length));
}

function indexOf(bytes: Uint8Array, idAt: number): number {
  let index = 0;
  for (let at = idAt + ID_PREFIX.length; bytes[at] !== CODE.quote; at++) {
    const digit = bytes[at]!;
    index = index * 16 + (digit < 58 ? digit - 48 : digit - 87);
  }
  return index;
}
