import { z } from "zod";

const url = z.url({ protocol: /^postgres(ql)?$/, error: "Must be a postgres:// URL" });

const whole = (minimum: number, maximum: number) =>
  z.string().regex(/^\d+$/, { error: "Must be a whole number" }).transform(Number)
    .pipe(z.int().min(minimum).max(maximum));

const decimal = z.string().regex(/^\d+(\.\d+)?$/, { error: "Must be a number, 0 or more" })
  .transform(Number);

/** The environment. Each name is documented in the README. */
const environment = z.object({
  DATABASE_URL: url,
  DATABASE_DIRECT_URL: url.optional(),
  HOST: z.string().min(1).default("0.0.0.0"),
  PORT: whole(0, 65_535).default(8000),
  GUESTS: z.enum(["allow", "deny"]).default("deny"),
  ROOM_CREATION: z.enum(["members", "anyone"]).default("members"),
  ALLOWED_ORIGINS: z.string().default("").transform((list, context) => {
    const origins = list.split(/[\s,]+/).filter((origin) => origin !== "");
    for (const origin of origins) {
      if (!/^https?:\/\/[^/]+$/.test(origin)) {
        context.addIssue({
          code: "custom",
          message: `"${origin}" is no origin such as https://chat.example.org`,
        });
      }
    }
    return origins;
  }),
  MESSAGE_RATE: decimal.default(5),
  MESSAGE_BURST: whole(1, 1_000_000).default(20),
  WORKERS: z.enum(["off", "inline", "only"]).default("off"),
  OPERATORS: z.enum(["token", "loopback"]).default("token"),
  OPERATOR_TOKEN: z.string().regex(/^[\x21-\x7e]{32,512}$/, {
    error: "Must have 32 to 512 characters of ASCII, no spaces: openssl rand -hex 32",
  }).optional(),
  MIGRATE: z.enum(["on", "off"]).default("on"),
  LOG_LEVEL: z.enum(["debug", "info", "warning", "error"]).default("info"),
  CLIENT_ADDRESS_HEADER: z.string().regex(/^[\w-]+$/).optional(),
});

/** What the server is told by its environment. */
export type Config = z.output<typeof environment>;

/** The names that {@linkcode parseConfig} reads. */
export const CONFIG_NAMES: readonly string[] = Object.keys(environment.shape);

/** The environment is not what the server needs; the message says which names, and why. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Validates the environment, once.
 *
 * @throws {ConfigError} naming every variable that is wrong
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  // An empty variable is one that was not set: how Compose and most hosts pass them on.
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = environment.safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return given[name] === undefined ? `${name} is not set` : `${name}: ${issue.message}`;
  });
  throw new ConfigError(`Cannot start: the environment is not right\n  ${lines.join("\n  ")}`);
}
