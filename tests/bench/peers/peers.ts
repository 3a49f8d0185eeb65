import type { Framing } from "../dialect.ts";
import { startMaru } from "../maru_servers.ts";
import { startRelay } from "../relay_server.ts";
import type { Servers } from "../servers.ts";
import { findDjango, startDjango } from "./django_servers.ts";
import { redisVersion } from "./redis.ts";
import type { ShapeName } from "./results.ts";
import { installSocketIo, startSocketIo } from "./socket_io_servers.ts";

/** Who is compared, and what of it. */
export interface Peer {
  /** What `--only` calls it. */
  readonly key: string;
  readonly title: string;
  readonly framing: Framing;
  /** Whether it numbers a room's messages without gaps. */
  readonly gapless: boolean;
  readonly shapes: readonly ShapeName[];
  /** Whether idle connections are measured. */
  readonly idle: boolean;
  /** Whether clients who come back are given what they missed. */
  readonly remembers: boolean;
  /** Makes it ready to start: null, or what is missing. */
  prepare(): Promise<string | null>;
  /** `collecting`: so that they can be told to collect their garbage. */
  start(options?: { readonly collecting: boolean }): Promise<Servers>;
}

const nothing = () => Promise.resolve(null);

/** In the order in which they run. */
export const PEERS: readonly Peer[] = [
  {
    key: "maru",
    title: "Maru",
    framing: "v1",
    gapless: true,
    shapes: ["pairs", "groups"],
    idle: true,
    remembers: true,
    prepare: nothing,
    start: startMaru,
  },
  {
    key: "maru-plain",
    title: "Maru, one object a frame",
    framing: "plain",
    gapless: true,
    shapes: ["groups"],
    idle: false,
    remembers: false,
    prepare: nothing,
    start: startMaru,
  },
  {
    key: "socketio-pg",
    title: "Socket.IO, Postgres adapter",
    framing: "socket.io",
    gapless: false,
    shapes: ["pairs", "groups"],
    idle: true,
    remembers: true,
    prepare: installSocketIo,
    start: (options) => startSocketIo("postgres", options),
  },
  {
    key: "socketio-redis",
    title: "Socket.IO, Redis adapter",
    framing: "socket.io",
    gapless: false,
    shapes: ["pairs", "groups"],
    idle: true,
    remembers: true,
    prepare: async () =>
      await redisVersion() === null ? "redis-server is not installed" : await installSocketIo(),
    start: (options) => startSocketIo("redis", options),
  },
  {
    key: "django",
    title: "Django Channels, Redis",
    framing: "plain",
    gapless: false,
    shapes: ["pairs", "groups"],
    idle: true,
    remembers: true,
    prepare: findDjango,
    start: startDjango,
  },
  {
    key: "relay",
    title: "Bare relay, one process, no database",
    framing: "plain",
    gapless: true,
    shapes: ["pairs", "groups"],
    idle: true,
    remembers: false,
    prepare: nothing,
    start: startRelay,
  },
];
