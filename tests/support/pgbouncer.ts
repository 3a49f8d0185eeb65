import { freePort } from "./instance.ts";

/** A PgBouncer before a server. */
export interface PgBouncer extends AsyncDisposable {
  /** The URL of a database, through the pooler. */
  through(url: string): string;
}

/** Where Debian's package puts it; null where it is not installed. */
export async function findPgBouncer(): Promise<string | null> {
  for (const path of ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return null;
}

/** Options of {@linkcode startPgBouncer}. */
export interface PgBouncerOptions {
  /** @default "transaction" */
  readonly mode?: "transaction" | "session";
  /** Whether each transaction gets the server connection that has rested longest. @default false */
  readonly roundRobin?: boolean;
}

/** Starts PgBouncer. It refuses to run as root, so it is given another user. */
export async function startPgBouncer(
  program: string,
  serverUrl: string,
  { mode = "transaction", roundRobin = false }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  const directory = await Deno.makeTempDir({ prefix: "maru-pgbouncer-" });
  await Deno.chmod(directory, 0o755);
  const port = freePort();
  const server = new URL(serverUrl);
  await Deno.writeTextFile(`${directory}/users.txt`, '"postgres" ""\n');
  await Deno.writeTextFile(
    `${directory}/pgbouncer.ini`,
    `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${directory}/users.txt
pool_mode = ${mode}
server_round_robin = ${roundRobin ? 1 : 0}
ignore_startup_parameters = extra_float_digits
`,
  );
  const nobody = 65_534;
  const child = new Deno.Command(program, {
    args: ["--quiet", `${directory}/pgbouncer.ini`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...(Deno.uid() === 0 ? { uid: nobody, gid: nobody } : {}),
  }).spawn();
  await listening(port);
  return {
    through(url) {
      const changed = new URL(url);
      changed.port = String(port);
      return changed.href;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
