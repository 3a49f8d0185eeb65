/** Options of {@linkcode spawnWorker}. */
export interface SpawnWorkerOptions {
  readonly url: string;
  /** Which tasks it does. */
  readonly names: readonly string[];
  /** @default 10000 */
  readonly deadAfterMs?: number;
  /** @default 8000 */
  readonly stopTimeoutMs?: number;
}

/** A worker in a process of its own. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

/** Starts a worker, and waits until it works. */
export async function spawnWorker(options: SpawnWorkerOptions): Promise<WorkerProcess> {
  const script = new URL("worker_process.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", script.href, JSON.stringify(options)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended.
    }
  };
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const said = new TextDecoder().decode(value);
  if (!said.startsWith("working")) throw new Error(`The worker did not start: ${said}`);
  return {
    pid: child.pid,
    status: child.status,
    kill,
    async [Symbol.asyncDispose]() {
      kill("SIGKILL");
      await child.status;
    },
  };
}
