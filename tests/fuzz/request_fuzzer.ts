import type { FuzzTarget } from "./frame_fuzzer.ts";
import { postByGuest, type RequestCase, requestCase, type Scene } from "./request_cases.ts";

const ANSWER_TIMEOUT_MS = 30_000;
const RAW_SHARE = 0.1;
const CODE = /^[a-z_]+$/;

/**
 * Sends so many HTTP requests, some of them as bytes that are no HTTP.
 *
 * @throws {Error} when there is no answer: to wait for each of so many would be a hang of the run
 */
export async function fuzzRequests(target: FuzzTarget, requests: number): Promise<void> {
  const scene = await setScene(target);
  for (let n = 0; n < requests; n++) {
    if (target.random.next() < RAW_SHARE) await sendRaw(target);
    else {
      const request = requestCase(target.random, scene);
      target.outcome.count(`request: ${request.name}`);
      await sendRequest(target, request);
    }
  }
}

/** Makes a guest, who posts a message. */
async function setScene({ port, room, random }: FuzzTarget): Promise<Scene> {
  const origin = `http://127.0.0.1:${port}`;
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const me = await fetch(`${origin}/api/me`, { signal });
  await me.body?.cancel();
  const token = /^maru_guest=([^;]+)/.exec(me.headers.get("set-cookie") ?? "")?.[1];
  if (token === undefined) throw new Error(`Cannot become a guest: ${me.status}`);
  const content = { id: random.uuid(), message: "hello" };
  const { method, path, headers, body } = postByGuest("", { room, token }, {
    content,
    statuses: [200],
  });
  const response = await fetch(
    `${origin}${path}`,
    { method, headers, body, signal } as RequestInit,
  );
  if (!response.ok) throw new Error(`Cannot post a message: ${await response.text()}`);
  const { seq } = await response.json();
  return { room, token, posted: { ...content, seq } };
}

async function sendRequest(target: FuzzTarget, request: RequestCase, tries = 2): Promise<void> {
  const { port, outcome } = target;
  const { name, method, path, headers, body, statuses } = request;
  const what = `${name}: ${method} ${path.slice(0, 100)}`;
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const { status } = response;
    if (!statuses.includes(status)) {
      outcome.fail(`${what}: ${status}, not ${statuses}: ${text.slice(0, 200)}`);
    } else if (status >= 400 && path.startsWith("/api/") && !isProblem(text)) {
      outcome.fail(`${what}: ${status} without a problem: ${text.slice(0, 200)}`);
    }
  } catch (error) {
    if ((error as Error).name === "TimeoutError") throw new Error(`no answer to ${what}`);
    const cause = String((error as Error).cause);
    // A server may end an idle connection at any time, also just when the client uses it again.
    if (tries > 1 && cause.includes("connection closed before message completed")) {
      return await sendRequest(target, request, tries - 1);
    }
    outcome.fail(`${what}: ${error}, ${cause}`);
  }
}

function isProblem(text: string): boolean {
  try {
    const { status, code } = JSON.parse(text);
    return typeof status === "number" && CODE.test(code);
  } catch {
    return false;
  }
}

const RAW: readonly string[] = [
  "GET / HTTP/9.9\r\n\r\n",
  "\0\0\0\0\r\n\r\n",
  "GET\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "GET / HTTP/1.1\r\nno colon\r\n\r\n",
  "POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
  "POST /api/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
  "POST /api/rooms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
  "GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
  "GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: bWFydSBiZW5jaCBsb2FkIQ==\r\nSec-WebSocket-Version: 99\r\n\r\n",
  "GET /ws/chat/%/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: bWFydSBiZW5jaCBsb2FkIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
];

/** Bytes that are no request: they are answered with a status of 4xx, or the connection ends. */
async function sendRaw({ port, outcome, random }: FuzzTarget): Promise<void> {
  const text = random.pick(RAW);
  outcome.count("no request");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let closed = false;
  const timer = setTimeout(() => {
    closed = true;
    connection.close();
  }, ANSWER_TIMEOUT_MS);
  try {
    await connection.write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    const buffer = new Uint8Array(4_096);
    const n = await connection.read(buffer);
    const answer = new TextDecoder("latin1").decode(buffer.subarray(0, n ?? 0));
    if (n !== null && !/^HTTP\/1\.1 4\d\d /.test(answer)) {
      outcome.fail(`${JSON.stringify(text.slice(0, 120))} is answered ${answer.slice(0, 60)}`);
    }
  } catch {
    // Cut off: an answer, too.
  } finally {
    clearTimeout(timer);
    if (!closed) connection.close();
  }
  if (closed) throw new Error(`no answer to ${JSON.stringify(text.slice(0, 120))}`);
}
