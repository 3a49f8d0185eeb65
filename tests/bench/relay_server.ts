import { freePort } from "../support/instance.ts";
import { COLLECTING_FLAGS, type Servers, sumCpu } from "./servers.ts";

/** The bare relay of relay.ts, in one process: the limit. */
export async function startRelay({ collecting = false } = {}): Promise<Servers> {
  const port = freePort();
  const relay = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net=127.0.0.1",
      ...collecting ? COLLECTING_FLAGS : [],
      "tests/bench/relay.ts",
      String(port),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = relay.stdout.getReader();
  await reader.read();
  return {
    ports: [port],
    pids: [relay.pid],
    collecting: collecting ? [relay.pid] : [],
    createRooms: () => Promise.resolve(),
    cpu: () => sumCpu({ instances: [relay.pid], postgres: null, broker: null }),
    async [Symbol.asyncDispose]() {
      relay.kill("SIGKILL");
      await reader.cancel();
      await relay.status;
    },
  };
}
