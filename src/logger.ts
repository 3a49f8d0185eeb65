import {
  configure,
  dispose,
  getJsonLinesFormatter,
  getLogger,
  type LogLevel,
} from "@logtape/logtape";
import { getStreamSink } from "@logtape/logtape";

/** What the rest of the server logs with. */
export interface Log {
  info(message: string, properties?: Record<string, unknown>): void;
  warn(message: string, error?: unknown): void;
  error(message: string, error?: unknown): void;
  /** Writes out what waits. */
  close(): Promise<void>;
}

/**
 * Logs JSON lines on standard output, each with the instance that wrote it. The server goes on when
 * nobody reads them any more.
 */
export async function openLog(level: LogLevel, instance: string): Promise<Log> {
  await configure({
    reset: true,
    sinks: {
      stdout: getStreamSink(unfailing(Deno.stdout.writable), {
        formatter: getJsonLinesFormatter({ properties: "flatten" }),
      }),
    },
    loggers: [
      { category: "maru", lowestLevel: level, sinks: ["stdout"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stdout"] },
    ],
  });
  const logger = getLogger("maru").with({ instance });
  return {
    info: (message, properties = {}) => logger.info(message, properties),
    warn: (message, error) => logger.warn(message, describe(error)),
    error: (message, error) => logger.error(message, describe(error)),
    close: () => dispose(),
  };
}

/**
 * What cannot be written is dropped: whoever collected the log has gone. A rejection would be logged,
 * and that one, too, without end.
 */
function unfailing(stream: WritableStream<Uint8Array>): WritableStream<Uint8Array> {
  const writer = stream.getWriter();
  return new WritableStream({
    write: (chunk) => writer.write(chunk).catch(() => {}),
    close: () => writer.close().catch(() => {}),
  });
}

function describe(error: unknown): Record<string, unknown> {
  if (error === undefined) return {};
  if (!(error instanceof Error)) return { error: String(error) };
  const { code } = error as { code?: unknown };
  return { error: error.message, stack: error.stack, ...(code === undefined ? {} : { code }) };
}
