import { type AppOptions, startApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import type { Log } from "../../src/logger.ts";

/** An instance within the test's process. */
export interface TestServer extends AsyncDisposable {
  readonly origin: string;
  readonly wsOrigin: string;
  /** What it logged as a warning or an error. */
  readonly complaints: string[];
  /** How many sockets it holds. */
  sockets(): number;
  stop(): Promise<void>;
}

/** Starts an instance on a database, with guests and free rooms unless the environment says else. */
export async function startServer(
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
  options: AppOptions = {},
): Promise<TestServer> {
  const config = parseConfig({
    DATABASE_URL: databaseUrl,
    HOST: "127.0.0.1",
    PORT: "0",
    GUESTS: "allow",
    OPERATORS: "loopback",
    ROOM_CREATION: "anyone",
    MIGRATE: "off",
    MESSAGE_RATE: "0",
    ...env,
  });
  const complaints: string[] = [];
  const complain = (message: string, error?: unknown) =>
    complaints.push(error === undefined ? message : `${message}: ${error}`);
  const log: Log = {
    info: () => {},
    warn: complain,
    error: complain,
    close: () => Promise.resolve(),
  };
  const app = await startApp(config, log, { drainMs: 0, ...options });
  const { port } = app.server.address() as { port: number };
  let stopped: Promise<void> | null = null;
  const stop = () => stopped ??= app.stop();
  return {
    origin: `http://127.0.0.1:${port}`,
    wsOrigin: `ws://127.0.0.1:${port}`,
    complaints,
    sockets: () => app.sockets.size,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
