import { CONFIG_NAMES } from "../config.ts";

/**
 * What the server may do, and no more. `NODE_ENV`, `PG*` and the others are read by its
 * dependencies. The Dockerfile and the task `start` have the same line; a test compares them.
 */
export const SERVER_PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  `--allow-env=${
    [
      ...CONFIG_NAMES,
      "NODE_ENV",
      "NODE_DEBUG",
      "PG*",
      "USER",
      "USERNAME",
      "WS_NO_BUFFER_UTIL",
      "WS_NO_UTF_8_VALIDATE",
    ].join(",")
  }`,
  "--allow-read=dist,migrations,node_modules",
];
