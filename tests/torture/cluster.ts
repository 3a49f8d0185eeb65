import { type Instance, startInstance } from "../support/instance.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { delay } from "./delay.ts";

/** One of the instances: the process changes, its way to the database stays. */
export interface Member {
  readonly number: number;
  /** Between clients and it. */
  readonly front: TcpProxy;
  /** Between it and PostgreSQL. */
  readonly database: TcpProxy;
  /** Null while it is down. */
  instance: Instance | null;
}

/** What processes left behind, in lines for people. */
export interface ProcessFaults {
  readonly faults: readonly string[];
  /** What was logged as an error, which nothing that happens to an instance from outside is. */
  readonly errors: readonly string[];
  /** How many lines of each level and message were logged, by all instances. */
  readonly logged: ReadonlyMap<string, number>;
}

const START_TIMEOUT_MS = 120_000;
const START_AGAIN_MS = 500;
// It promises 22 s; the machine may be slow.
const DRAIN_TIMEOUT_MS = 45_000;
// It gives up on what hangs, a database that is away for one, after 22 s, and not before.
const DRAIN_GIVES_UP_MS = 20_000;

/** Instances as processes of their own, as a container host runs them: what falls is started again. */
export class Cluster implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #faults: string[] = [];
  readonly #logs: string[] = [];
  /** Those whose end is a fault of the harness's own making. */
  readonly #expected = new WeakSet<Instance>();
  #turn = 0;

  /** @param databasePort where PostgreSQL is now */
  constructor(size: number, databasePort: () => number, env: Readonly<Record<string, string>>) {
    this.#env = env;
    this.members = Array.from({ length: size }, (_, number) => {
      const member: Member = {
        number,
        front: startTcpProxy(() => member.instance === null ? [] : [member.instance.port]),
        database: startTcpProxy(() => [databasePort()]),
        instance: null,
      };
      return member;
    });
  }

  /**
   * Where to try for a new connection, as a balancer without health checks would: the instance with
   * the fewest connections and the next in turn, by turns, so that a new one soon has its share.
   */
  readonly ports = (): readonly number[] => {
    const running = this.members.filter(({ instance }) => instance !== null);
    const first = this.#turn++ % Math.max(1, running.length);
    const ordered = this.#turn % 2 === 0
      ? running.toSorted((a, b) => a.front.connections - b.front.connections)
      : [...running.slice(first), ...running.slice(0, first)];
    return ordered.map(({ front }) => front.port);
  };

  /** Starts a member, again and again until it is ready: the database may be away. */
  async start(member: Member): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        const instance = await startInstance({
          databaseUrl: `postgres://postgres@127.0.0.1:${member.database.port}/maru`,
          env: { MESSAGE_RATE: "0", LOG_LEVEL: "warning", ...this.#env },
        });
        member.instance = instance;
        void instance.exited.then((status) => this.#ended(member, instance, status));
        return;
      } catch (error) {
        if (performance.now() > deadline) {
          this.#faults.push(`instance ${member.number} does not start: ${error}`);
          throw error;
        }
        await delay(START_AGAIN_MS);
      }
    }
  }

  /** Ends a member without a word. */
  async kill(member: Member): Promise<void> {
    const instance = this.#takeOut(member);
    instance?.signal("SIGKILL");
    await instance?.exited;
  }

  /** Lets a member drain; what does not end in time has failed. */
  async drain(member: Member): Promise<void> {
    const { instance } = member;
    if (instance === null) return;
    this.#expected.add(instance);
    const startedAt = performance.now();
    instance.signal("SIGTERM");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), DRAIN_TIMEOUT_MS);
    });
    const status = await Promise.race([instance.exited, late]);
    clearTimeout(timer);
    if (status === null) {
      this.#faults.push(
        `instance ${member.number} did not end ${DRAIN_TIMEOUT_MS} ms after SIGTERM`,
      );
      instance.signal("SIGKILL");
      await instance.exited;
    } else if (status.code !== 0 && performance.now() - startedAt < DRAIN_GIVES_UP_MS) {
      this.#faults.push(`instance ${member.number} ended with code ${status.code} at SIGTERM`);
    }
    if (member.instance === instance) member.instance = null;
  }

  /** Stops a member's process for a while, without its knowing. */
  async freeze(member: Member, ms: number): Promise<void> {
    const { instance } = member;
    instance?.signal("SIGSTOP");
    await delay(ms);
    instance?.signal("SIGCONT");
  }

  /** What fell, did not start or did not end, and what was logged. */
  report(): ProcessFaults {
    const logged = new Map<string, number>();
    const errors: string[] = [];
    for (const line of this.logs().split("\n")) {
      const { level, message } = parse(line);
      if (level === undefined) continue;
      if (level === "ERROR" || level === "FATAL") errors.push(line);
      const key = `${level} ${message}`;
      logged.set(key, (logged.get(key) ?? 0) + 1);
    }
    return { faults: this.#faults, errors, logged };
  }

  /** Everything that was logged. */
  logs(): string {
    return [...this.#logs, ...this.members.map(({ instance }) => instance?.logs() ?? "")].join(
      "\n",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member)));
    await Promise.all(this.members.flatMap(({ front, database }) => [
      front[Symbol.asyncDispose](),
      database[Symbol.asyncDispose](),
    ]));
  }

  #takeOut(member: Member): Instance | null {
    const { instance } = member;
    if (instance !== null) this.#expected.add(instance);
    member.instance = null;
    return instance;
  }

  #ended(member: Member, instance: Instance, { code, signal }: Deno.CommandStatus): void {
    this.#logs.push(instance.logs());
    if (this.#expected.has(instance)) return;
    const last = instance.logs().trimEnd().split("\n").slice(-5).join("\n    ");
    this.#faults.push(
      `instance ${member.number} fell by itself with ${signal ?? `code ${code}`}:\n    ${last}`,
    );
    member.instance = null;
    void this.start(member).catch(() => {});
  }
}

function parse(line: string): { level?: string; message?: string } {
  try {
    const { level, message } = JSON.parse(line);
    return { level, message };
  } catch {
    return {};
  }
}
