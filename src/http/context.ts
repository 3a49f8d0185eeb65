import type { HttpBindings } from "@hono/node-server";
import type { UpgradeWebSocket } from "hono/ws";
import type { Accounts, Person } from "../accounts/mod.ts";
import type { Bus, ChannelLayer } from "../channels/mod.ts";
import type { Chat } from "../chat/mod.ts";
import type { Tasks } from "../tasks/mod.ts";
import type { Operator } from "./operators.ts";
import type { Sockets } from "./sockets/sockets.ts";

/** What the HTTP server is made of. */
export interface HttpOptions {
  readonly accounts: Accounts;
  readonly chat: Chat;
  readonly bus: Bus;
  readonly layer: ChannelLayer;
  /** Background work: to queue it, and to look at it. Workers may be in other processes. */
  readonly tasks: Tasks;
  readonly sockets: Sockets;
  readonly allowedOrigins: readonly string[];
  readonly guests: "allow" | "deny";
  /** The header in which a trusted proxy puts the client's address, if there is one. */
  readonly clientAddressHeader: string | undefined;
  /** What administration is open to, beside loopback; without it to loopback alone. */
  readonly operatorToken: string | undefined;
  /** Whether requests from this machine are an operator's. */
  readonly operatorsOnLoopback: boolean;
  /** Where the built page is. */
  readonly pageDirectory: string;
  /** Whether the server takes new work: false while it drains. */
  readonly isReady: () => Promise<Readiness>;
  readonly onError: (message: string, error: unknown) => void;
}

/** How `/readyz` answers. */
export interface Readiness {
  readonly status: "ok" | "degraded" | "unavailable" | "draining";
}

/** What a request carries along. */
export interface RequestEnvironment {
  Bindings: HttpBindings;
  Variables: {
    /** Who asks, or null when nobody is known by the cookie or token. */
    person: Person | null;
    /** Who administrates; set where only an operator comes through. */
    operator: Operator;
  };
}

/** Hono's upgrade, as `@hono/node-ws` makes it. */
// deno-lint-ignore no-explicit-any -- the raw socket's type is ws's own
export type Upgrade = UpgradeWebSocket<any>;
