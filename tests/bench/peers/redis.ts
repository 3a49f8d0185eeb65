import { type ServerProcess, startProcess, tryCommand } from "./server_process.ts";

/** Redis as a broker: it keeps nothing on disk. */
export function startRedis(): Promise<ServerProcess> {
  return startProcess({
    command: "redis-server",
    args: ["--port", "PORT", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
  });
}

/** Such as `7.0.15`, or null where there is none. */
export async function redisVersion(): Promise<string | null> {
  const text = await tryCommand("redis-server", ["--version"]);
  return text === null ? null : /v=([\d.]+)/.exec(text)?.[1] ?? text;
}
