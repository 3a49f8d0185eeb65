import { freePort } from "../../support/instance.ts";

/** A server program to start. `PORT` of its arguments and its environment is a free port. */
export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string | URL;
}

/** A server program that runs, until disposed. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/**
 * Starts a program and waits until it accepts connections. What it writes is shown when it does not
 * start, and when it has complained.
 */
export async function startProcess(program: ServerProgram): Promise<ServerProcess> {
  const port = freePort();
  const child = new Deno.Command(program.command, {
    args: program.args.map((arg) => arg.replace("PORT", String(port))),
    env: { ...program.env, PORT: String(port) },
    ...program.cwd === undefined ? {} : { cwd: program.cwd },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let ended = false;
  void child.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGKILL");
    await child.status;
    return (await errors).trim();
  };
  if (!await accepts(port, () => ended)) {
    throw new Error(`Cannot start "${program.command}": ${await stop()}`);
  }
  return {
    port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      const complaints = await stop();
      for (const line of complaints.split("\n").slice(-3)) {
        if (line !== "") console.log(`  ${line.slice(0, 300)}`);
      }
    },
  };
}

async function accepts(port: number, ended: () => boolean): Promise<boolean> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!ended() && performance.now() < deadline) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  return false;
}

/** What a command prints, or null where it is missing or fails. */
export async function tryCommand(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}
