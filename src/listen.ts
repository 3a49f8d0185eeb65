import type { Server } from "node:http";
import type { Config } from "./config.ts";

/**
 * Opens the port.
 *
 * @throws {Error} when the port cannot be had
 */
export function listen(server: Server, { PORT, HOST }: Config): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(
      new Error(
        (error as { code?: string }).code === "EADDRINUSE"
          ? `Cannot listen on ${HOST}:${PORT}: the port is taken; stop what uses it or set PORT`
          : `Cannot listen on ${HOST}:${PORT}: ${error.message}`,
      ),
    ));
  server.listen(PORT, HOST, resolve);
  return promise;
}
