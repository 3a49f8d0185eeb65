/**
 * The server: parses the configuration, starts, serves, stops on signals.
 *
 * @module
 */
import { startApp } from "./app.ts";
import { CONFIG_NAMES, ConfigError, parseConfig } from "./config.ts";
import { openLog } from "./logger.ts";

/** The whole of a graceful stop takes less than this. */
const STOP_TIMEOUT_MS = 22_000;
const SIGNAL_REPEAT_MS = 1_000;

await main();

async function main(): Promise<void> {
  const instance = crypto.randomUUID().slice(0, 8);
  const env = Object.fromEntries(CONFIG_NAMES.map((name) => [name, Deno.env.get(name)]));
  let log;
  try {
    const config = parseConfig(env);
    log = await openLog(config.LOG_LEVEL, instance);
    const app = await startApp(config, log);
    log.info("Serving", { host: config.HOST, port: addressPort(app.server.address()) });
    const signal = await stopSignal();
    log.info("Stopping", { signal });
    const timer = setTimeout(() => Deno.exit(1), STOP_TIMEOUT_MS);
    await app.stop();
    clearTimeout(timer);
    log.info("Stopped");
    await log.close();
    Deno.exit(0);
  } catch (error) {
    // Before the log is open, or for whoever sits at the terminal: one readable message.
    console.error(error instanceof ConfigError ? error.message : explain(error));
    await log?.close();
    Deno.exit(1);
  }
}

function explain(error: unknown): string {
  const { message = String(error), code } = error as { message?: string; code?: string };
  if (/^(ECONN|ENOTFOUND|EAI_AGAIN|CONNECT|ETIMEDOUT|CONNECTION)/.test(code ?? "")) {
    return `Cannot start: the database at DATABASE_URL cannot be reached (${message || code})`;
  }
  return message.startsWith("Cannot") ? message : `Cannot start: ${message}`;
}

function addressPort(address: unknown): unknown {
  return (address as { port?: number } | null)?.port;
}

/** The first SIGTERM or SIGINT; a second one, a second later, ends the process at once. */
function stopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let first = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      // Ctrl-C arrives twice: from the terminal, and forwarded by `deno task`.
      if (first !== 0 && performance.now() - first > SIGNAL_REPEAT_MS) Deno.exit(130);
      first ||= performance.now();
      resolve(signal);
    });
  }
  return promise;
}
