import { SLOW_UNSENT_BYTES } from "../../src/http/sockets/sockets.ts";
import { encodeFrame, joined, textFrame } from "./framing.ts";
import type { Outcome } from "./outcome.ts";
import { RawSocket, upgrade } from "./raw_socket.ts";

const PEERS = 5;
const END_TIMEOUT_MS = 90_000;

/** Peers that never end a message: cut off long before it fills the memory. */
export async function endlessMessages(
  port: number,
  room: string,
  outcome: Outcome,
): Promise<void> {
  const part = new Uint8Array(4_096).fill(120);
  await Promise.all(Array.from({ length: PEERS }, async () => {
    outcome.count("an endless message");
    await using socket = await RawSocket.open(port, room);
    for (let n = 0; socket.answers.closed === null && n < 10_000; n++) {
      if (!await socket.write(encodeFrame(part, { opcode: n === 0 ? 1 : 0, fin: false }))) break;
    }
    if (!await socket.until(() => false, END_TIMEOUT_MS)) {
      outcome.fail("an endless message goes on");
    }
  }));
}

/** Peers that open a socket and say no more: they are given up. */
export async function silentSockets(port: number, room: string, outcome: Outcome): Promise<void> {
  await Promise.all(Array.from({ length: PEERS }, async (_, n) => {
    outcome.count("a silent socket");
    await using socket = await RawSocket.open(port, room);
    // Every other one is in the middle of a frame; nobody answers a ping.
    if (n % 2 === 0) await socket.write(encodeFrame(new Uint8Array(10), { claimedLength: 100 }));
    if (!await socket.until(() => false, END_TIMEOUT_MS)) outcome.fail("a silent socket is kept");
  }));
}

/** The server gives a request's head 60 s, and looks every 30 s. */
const HEAD_TIMEOUT_MS = 120_000;
const UNFINISHED_HEADS = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"];

/** Peers that connect and never finish the head of a request: they are given up. */
export async function silentConnections(port: number, outcome: Outcome): Promise<void> {
  await Promise.all(UNFINISHED_HEADS.map(async (head) => {
    outcome.count("a silent connection");
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(head));
    if (!await endsWithin(HEAD_TIMEOUT_MS, connection)) {
      outcome.fail(`a silent connection is kept: ${JSON.stringify(head)}`);
    }
  }));
}

/** Reads until the server ends the connection; `false` when it takes too long. */
async function endsWithin(timeoutMs: number, connection: Deno.TcpConn): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  const buffer = new Uint8Array(4_096);
  const readAll = async () => {
    while (await connection.read(buffer) !== null);
    return true;
  };
  try {
    // Cut off is an end, too.
    return await Promise.race([readAll().catch(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const BIG_TEXT = "긴글 ".repeat(2_600);
const BIG_MESSAGES_MAX = 3_000;
/** Spoken at once: the kernel alone keeps some ten megabytes for each peer. */
const BATCH = 10;

/** Options of {@linkcode deafPeers}. */
export interface DeafOptions {
  /** Whether the server has let go of all of these. @default what the kernel's table says */
  readonly allGone?: (connections: readonly Deno.TcpConn[]) => Promise<boolean>;
}

/**
 * Peers in a loud room that never read and never close: let go when too much is unsent for them,
 * and not before, while whoever reads hears everything.
 */
export async function deafPeers(
  port: number,
  room: string,
  outcome: Outcome,
  { allGone = allGoneInKernel }: DeafOptions = {},
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const deaf: Deno.TcpConn[] = [];
  for (let n = 0; n < PEERS; n++) {
    const { connection } = await upgrade(port, room);
    stack.defer(() => connection.close());
    deaf.push(connection);
    outcome.count("a peer that never reads");
  }
  const speaker = stack.use(await RawSocket.open(port, room));
  let spokenBytes = 0;
  const begun = performance.now();
  for (let n = BATCH; n <= BIG_MESSAGES_MAX && !await allGone(deaf); n += BATCH) {
    const batch = joined(Array.from({ length: BATCH }, bigMessage));
    await speaker.write(batch);
    if (!await speaker.until(({ acks }) => acks >= n, END_TIMEOUT_MS)) {
      outcome.fail("a loud room falls silent because of those who do not read");
      break;
    }
    if (speaker.answers.closed !== null) break;
    spokenBytes += batch.length;
    if (performance.now() - begun > END_TIMEOUT_MS) break;
  }
  if (speaker.answers.closed !== null) outcome.fail("the speaker of a loud room is let go");
  if (!await allGone(deaf)) outcome.fail("a peer that never reads is kept");
  // With less unsent than this nobody is slow: these have been let go for another reason.
  else if (spokenBytes < SLOW_UNSENT_BYTES) {
    outcome.fail(`a peer that never reads is let go before it lags: after ${spokenBytes} bytes`);
  }
}

function bigMessage(): Uint8Array {
  return textFrame(JSON.stringify({ id: crypto.randomUUID(), message: BIG_TEXT }));
}

const ESTABLISHED = "01";

/**
 * Whether the server has let go of all of these. Its end of each is looked at, in the kernel's table:
 * what the kernel still keeps for a peer that does not read is nobody's connection any more.
 */
async function allGoneInKernel(connections: readonly Deno.TcpConn[]): Promise<boolean> {
  const held = new Set<string>();
  for (const line of (await Deno.readTextFile("/proc/net/tcp")).split("\n").slice(1)) {
    const [, local, remote, state] = line.trim().split(/\s+/);
    if (state === ESTABLISHED) held.add(`${portOf(local!)} ${portOf(remote!)}`);
  }
  return !connections.some(({ localAddr, remoteAddr }) =>
    held.has(`${(remoteAddr as Deno.NetAddr).port} ${(localAddr as Deno.NetAddr).port}`)
  );
}

/** Of an address such as `0100007F:1F90`. */
function portOf(address: string): number {
  return parseInt(address.split(":")[1]!, 16);
}
