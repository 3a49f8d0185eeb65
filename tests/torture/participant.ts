import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Api, ApiError, Backoff, RoomConnection } from "../../src/client/mod.ts";
import type { Message, ServerFrame } from "../../src/protocol/frames.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { FrameWatch } from "./frame_watch.ts";
import type { ClientEvent, ClientRecord, Sent, Shown } from "./record.ts";
import { delay } from "./delay.ts";

/** A page of history: as many as the API gives. */
const PAGE_SIZE = 200;
/** With so many unanswered nobody goes on typing. */
const UNSENT_MAX = 150;

/**
 * One person with the typed client, in one room, behind a network of their own: says things, keeps
 * what is shown, and loads the history anew after a reset, as the page does.
 */
export class Participant implements AsyncDisposable {
  readonly name: string;
  readonly room: string;
  readonly network: TcpProxy;
  readonly #api: Api;
  readonly #events: ClientEvent[] = [];
  readonly #sent: Sent[] = [];
  readonly #badFrames: string[] = [];
  #connection!: RoomConnection;
  #cookie = "";
  #epoch = "";
  /** Every message that is shown, by seq, without a hole up to the newest. */
  #screen: Shown[] = [];
  /** What comes while history is loaded: there may be a gap below it. */
  #held: Shown[] | null = null;
  #loading: AbortController | null = null;
  #failure: string | null = null;
  readonly #told = new Map<string, number>();
  /** Why requests have not stored their messages, by id: no answer yet, or they were refused. */
  readonly #posts = new Map<string, string>();
  #resets = 0;
  /** Its place in the room log: up to here it has been shown everything. */
  #position = 0;
  readonly #guestNames = new Set<string>();
  readonly #closing = new AbortController();

  private constructor(name: string, room: string, ports: () => readonly number[]) {
    this.name = name;
    this.room = room;
    this.network = startTcpProxy(ports);
    this.#api = new Api({ baseUrl: this.#baseUrl, fetch: this.#fetch });
  }

  /** Enters the room, as a guest with a cookie. */
  static async join(
    name: string,
    room: string,
    ports: () => readonly number[],
  ): Promise<Participant> {
    const self = new Participant(name, room, ports);
    await self.#api.me();
    await self.#connect();
    return self;
  }

  /** How many sockets ended with each close code, and how many errors of each code came. */
  get told(): ReadonlyMap<string, number> {
    return this.#told;
  }

  /** Says something, unless a lot waits already. */
  say(text: string): void {
    if (this.#connection.outbox.length >= UNSENT_MAX) return;
    const id = this.#connection.send(text);
    this.#sent.push({ at: Date.now(), id, text: digest(text), by: "socket" });
  }

  /** Posts something by HTTP, as a program does, until it is answered. */
  async post(text: string): Promise<void> {
    const id = crypto.randomUUID();
    const backoff = new Backoff();
    this.#sent.push({ at: Date.now(), id, text: digest(text), by: "request" });
    this.#posts.set(id, "a request is not answered");
    for (const { signal } = this.#closing; !signal.aborted;) {
      const resets = this.#resets;
      try {
        const { seq } = await this.#api.postMessage(this.room, { id, message: text }, { signal });
        // What was stored before a loss may be answered after it: then it is asked again.
        if (resets !== this.#resets) continue;
        this.#events.push({ kind: "acked", at: Date.now(), id, seq });
        this.#posts.delete(id);
        return;
      } catch (error) {
        if (error instanceof ApiError && !error.retry) {
          this.#posts.set(id, `post: ${error.code}`);
          return;
        }
        await delay(backoff.next());
      }
    }
  }

  get state(): string {
    return this.#connection.status.state;
  }

  /** Everything is said, and history is loaded. */
  get settled(): boolean {
    return this.state === "open" && this.#connection.outbox.length === 0 &&
      this.#held === null && this.#posts.size === 0;
  }

  /** The newest message that is shown. */
  get lastSeq(): number {
    return this.#screen.at(-1)?.seq ?? 0;
  }

  record(): ClientRecord {
    const unsent = this.#connection.outbox.map(({ state, code }) =>
      `${state} ${code ?? ""}`.trim()
    );
    unsent.push(...this.#posts.values());
    if (this.#failure !== null) unsent.push(this.#failure);
    if (this.#held !== null) unsent.push("history is not loaded");
    return {
      name: this.name,
      room: this.room,
      guestNames: [...this.#guestNames],
      events: this.#events,
      sent: this.#sent,
      screen: this.#screen,
      state: this.state,
      waiting: [...this.#connection.outbox.map(({ id }) => id), ...this.#posts.keys()],
      unsent,
      badFrames: this.#badFrames,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#loading?.abort();
    this.#connection?.close();
    await this.network[Symbol.asyncDispose]();
  }

  get #baseUrl(): string {
    return `http://127.0.0.1:${this.network.port}`;
  }

  readonly #fetch: typeof fetch = async (url, init) => {
    const response = await fetch(url, {
      ...init,
      headers: { ...init?.headers, cookie: this.#cookie },
    });
    this.#cookie = response.headers.get("set-cookie")?.split(";")[0] ?? this.#cookie;
    return response;
  };

  async #connect(): Promise<void> {
    const { position, epoch, messages } = await this.#api.history(this.room, { limit: PAGE_SIZE });
    this.#epoch = epoch;
    this.#position = position;
    this.#screen = messages.map(toShown);
    const cookie = () => this.#cookie;
    const watch = (socket: WebSocket) => {
      const frames = new FrameWatch((fault) => this.#badFrames.push(fault));
      socket.addEventListener("close", ({ code }) => this.#count(`close ${code}`));
      socket.addEventListener("message", ({ data }) => {
        for (const line of String(data).split("\n")) {
          const frame = JSON.parse(line) as ServerFrame;
          frames.take(frame);
          if (frame.type === "welcome") this.#guestNames.add(frame.you.name);
        }
      });
    };
    this.#connection = new RoomConnection(this.room, {
      baseUrl: this.#baseUrl,
      position,
      epoch,
      network: new EventTarget(),
      WebSocket: class extends WebSocket {
        constructor(url: string, protocols?: string | string[]) {
          // Deno's own addition, of which the types of browsers know nothing.
          const init = { protocols: [protocols ?? []].flat(), headers: { cookie: cookie() } };
          super(url, init as unknown as string[]);
          watch(this);
        }
      },
    });
    this.#connection.on("message", (message) => {
      this.#position = message.position;
      this.#show(toShown(message));
    });
    this.#connection.on("ack", ({ id, seq }) => {
      this.#events.push({ kind: "acked", at: Date.now(), id, seq });
    });
    this.#connection.on("error", ({ code }) => this.#count(`error ${code}`));
    this.#connection.on("reset", ({ reason, epoch, position }) => {
      this.#epoch = epoch;
      this.#resets++;
      this.#count(`reset ${reason}`);
      const missed = position - this.#position;
      this.#position = position;
      this.#events.push({ kind: "reset", at: Date.now(), reason, missed });
      void this.#reload();
    });
    this.#connection.open();
  }

  #show(message: Shown): void {
    this.#events.push({ kind: "shown", at: Date.now(), epoch: this.#epoch, ...message });
    if (this.#held !== null) this.#held.push(message);
    // The page of history that was loaded may be ahead of the stream.
    else if (message.seq > this.lastSeq) this.#screen.push(message);
  }

  /** Loads the newest page, and those before it, back to what is still as it was shown. */
  async #reload(): Promise<void> {
    this.#loading?.abort();
    const { signal } = this.#loading = new AbortController();
    this.#held = [];
    // By id, too: of what the database lost, the numbers are given again.
    const shown = new Map(this.#screen.map(({ seq, id }) => [seq, id]));
    const first = this.#screen[0]?.seq ?? 0;
    const messages: Shown[] = [];
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        const oldest = messages[0]?.seq;
        const page = await this.#api.history(this.room, {
          limit: PAGE_SIZE,
          signal,
          ...(oldest === undefined ? {} : { beforeSeq: oldest }),
        });
        if (signal.aborted) return;
        messages.unshift(...page.messages.map(toShown));
        const reached = messages[0];
        const known = reached === undefined || reached.seq <= first ||
          shown.get(reached.seq) === reached.id;
        if (!known && page.messages.length > 0) continue;
        return this.#loaded(messages);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && !error.retry) this.#failure = `history: ${error.code}`;
        await delay(backoff.next());
      }
    }
  }

  #count(what: string): void {
    this.#told.set(what, (this.#told.get(what) ?? 0) + 1);
  }

  #loaded(messages: Shown[]): void {
    this.#events.push({ kind: "loaded", at: Date.now(), messages: [...messages] });
    for (const { id } of messages) this.#connection.seen(id);
    const newest = messages.at(-1)?.seq ?? 0;
    messages.push(...(this.#held ?? []).filter(({ seq }) => seq > newest));
    this.#held = null;
    this.#screen = messages;
  }
}

function toShown({ seq, id, message, sender }: Message): Shown {
  return { seq, id, text: digest(message), sender: oneOf(sender.name) };
}

const names = new Map<string, string>();

/** The same string for equal ones: each frame brings its own, and a run keeps millions. */
function oneOf(name: string): string {
  const known = names.get(name) ?? name;
  names.set(name, known);
  return known;
}

const KEPT_OF_TEXT = 60;

/**
 * Long texts by their beginning and 64 bits of their SHA-256, so that a run fits into memory. With 32
 * bits two of some fifty thousand were once the same.
 */
export function digest(text: string): string {
  if (text.length <= KEPT_OF_TEXT) return text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  // Copied: a slice alone keeps the whole text, and of half an hour that was gigabytes.
  const beginning = Buffer.from(text.slice(0, KEPT_OF_TEXT)).toString();
  return `${beginning}…${text.length}:${hash}`;
}
