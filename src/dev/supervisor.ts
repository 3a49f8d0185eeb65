import { SERVER_PERMISSIONS } from "./server_permissions.ts";

/** What a {@linkcode Supervisor} is made of. */
export interface SupervisorOptions {
  readonly databaseUrl: string;
  readonly say: (line: string) => void;
}

const WATCHED = ["src", "migrations"];
const PAGE_SOURCES = /[\\/]src[\\/](ui|client|protocol)[\\/]/;
// Editors write a file in several steps.
const SETTLE_MS = 150;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;

/**
 * Builds the page, runs the server in a process of its own, and starts it again when the code
 * changes. `deno run --watch` would cut the server's graceful stop short.
 *
 * A server that ends by itself at its first start ends the supervisor with its code; later, while
 * somebody edits, the supervisor waits for the next change.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #port = Deno.env.get("PORT") || "8000";

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Runs until the signal; returns the exit code. */
  async run(stop: AbortSignal): Promise<number> {
    const { say } = this.#options;
    const changes = new Changes(stop);
    say("Building the page …");
    await this.#buildPage();
    let everReady = false;
    for (;;) {
      const child = this.#spawn();
      const changed = changes.next();
      const ready = this.#announce(child, everReady);
      const why = await Promise.race([
        changed.then(() => "changed" as const),
        child.status.then(() => "ended" as const),
      ]);
      if (why === "ended") {
        const { code } = await child.status;
        everReady ||= await ready;
        if (stop.aborted) return 0;
        if (!everReady) return code;
        say(`The server ended with code ${code}: waiting for a change`);
        await changed;
      } else {
        if (!stop.aborted) say("Something changed: starting again …");
        await end(child);
        everReady ||= await ready;
      }
      if (stop.aborted) return 0;
      if ((await changed).some((path) => PAGE_SOURCES.test(path))) await this.#buildPage();
    }
  }

  async #buildPage(): Promise<void> {
    // A process of its own: it sees the newest sources, and what is broken in them ends only it.
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "src/ui/build.ts"],
    }).output();
    if (!success) this.#options.say("The page could not be built: the last one is served");
  }

  #spawn(): Deno.ChildProcess {
    const defaults = {
      HOST: "127.0.0.1",
      PORT: this.#port,
      GUESTS: "allow",
      OPERATORS: "loopback",
      ROOM_CREATION: "anyone",
      WORKERS: "inline",
    };
    const env: Record<string, string> = { DATABASE_URL: this.#options.databaseUrl };
    for (const [name, value] of Object.entries(defaults)) env[name] = Deno.env.get(name) || value;
    return new Deno.Command(Deno.execPath(), {
      args: ["run", ...SERVER_PERMISSIONS, "src/main.ts"],
      env,
      // Ctrl-C is for the supervisor: it stops the server, then the database.
      detached: true,
      stdin: "null",
    }).spawn();
  }

  /** Tells where it is once it answers; returns whether it ever did. */
  async #announce(child: Deno.ChildProcess, known: boolean): Promise<boolean> {
    const { say, databaseUrl } = this.#options;
    let ended = false;
    void child.status.then(() => ended = true);
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!ended && performance.now() < deadline) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.#port}/readyz`);
        await response.body?.cancel();
        if (response.ok && !ended) {
          say(known ? "Ready" : `Ready: http://localhost:${this.#port}/chat/`);
          if (!known) say(`Look inside: psql ${databaseUrl}`);
          return true;
        }
      } catch {
        // Not listening yet.
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    return false;
  }
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended.
  }
  await child.status;
}

/** Changes of the sources, gathered until they settle. */
class Changes {
  readonly #stop: AbortSignal;
  readonly #watcher = Deno.watchFs(WATCHED);
  #paths: string[] = [];
  #waiting: ((paths: string[]) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
    stop.addEventListener("abort", () => {
      this.#watcher.close();
      this.#settle();
    }, { once: true });
    void this.#watch();
  }

  /** The paths that changed since the last call; empty when it is time to stop. */
  next(): Promise<string[]> {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    this.#waiting = resolve;
    // What changed while nobody waited, as during a build, counts, too.
    if (this.#stop.aborted || this.#paths.length > 0) this.#settle();
    return promise;
  }

  async #watch(): Promise<void> {
    for await (const event of this.#watcher) {
      if (event.kind === "access") continue;
      this.#paths.push(...event.paths);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#settle(), SETTLE_MS);
    }
  }

  #settle(): void {
    clearTimeout(this.#timer);
    if (this.#waiting === undefined) return;
    const paths = this.#paths;
    this.#paths = [];
    this.#waiting(paths);
    this.#waiting = undefined;
  }
}
