import { SERVER_PERMISSIONS } from "../../src/dev/server_permissions.ts";

/** Options of {@linkcode startInstance}. */
export interface InstanceOptions {
  readonly databaseUrl: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
  /** More arguments of `deno run`. */
  readonly flags?: readonly string[];
}

/** A server in a process of its own. */
export interface Instance extends AsyncDisposable {
  readonly origin: string;
  readonly wsOrigin: string;
  readonly port: number;
  readonly pid: number;
  readonly exited: Promise<Deno.CommandStatus>;
  /** All that it has written. */
  logs(): string;
  signal(signal: Deno.Signal): void;
}

const READY_TIMEOUT_MS = 30_000;

/** Starts a server as production does, and waits until it is ready. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const instance = spawnInstance(options);
  let ended = false;
  void instance.exited.then(() => ended = true);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!ended && performance.now() < deadline) {
    try {
      const response = await fetch(`${instance.origin}/readyz`);
      await response.body?.cancel();
      if (response.ok) return instance;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await instance[Symbol.asyncDispose]();
  throw new Error(`The instance did not become ready:\n${instance.logs()}`);
}

/** Starts a server without waiting for anything, to see it fail. */
export function spawnInstance(options: InstanceOptions): Instance {
  const port = options.port ?? freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...SERVER_PERMISSIONS, ...options.flags ?? [], "src/main.ts"],
    cwd: new URL("../../", import.meta.url),
    env: {
      DATABASE_URL: options.databaseUrl,
      HOST: "127.0.0.1",
      PORT: String(port),
      GUESTS: "allow",
      OPERATORS: "loopback",
      ROOM_CREATION: "anyone",
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const exited = child.status.then(async (status) => {
    await reading;
    return status;
  });
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // It has ended.
    }
  };
  return {
    origin: `http://127.0.0.1:${port}`,
    wsOrigin: `ws://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    exited,
    logs: () => text,
    signal,
    async [Symbol.asyncDispose]() {
      signal("SIGKILL");
      await exited;
    },
  };
}

/** A port that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
