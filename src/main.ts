/**
 * The server, or a worker (`WORKERS=only`): parses the configuration, starts, stops on signals.
 *
 * @module
 */
import { startApp } from "./app.ts";
import { CONFIG_NAMES, ConfigError, parseConfig } from "./config.ts";
import { type Log, openLog } from "./logger.ts";
import { startWorker } from "./worker.ts";

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
    surviveRejections(log);
    const serves = config.WORKERS !== "only";
    const app = await (serves ? startApp : startWorker)(config, log);
    log.info(serves ? "Serving" : "Working", {
      host: config.HOST,
      port: addressPort(app.server.address()),
    });
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

/** A promise of one request or task that nobody waited for is no reason to end all the others. */
function surviveRejections(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("A promise was rejected that nobody waits for", event.reason);
  });
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
