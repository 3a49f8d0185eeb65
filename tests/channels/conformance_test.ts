import {
  ChannelLayer,
  type ChannelLayerOptions,
  memoryBusNetwork,
  memoryPresenceStore,
  memoryQueueStore,
  postgresChannelLayer,
} from "../../src/channels/mod.ts";
import { type ConformanceNetwork, testChannelLayer } from "../../src/channels/testing/mod.ts";
import { connect } from "../../src/db/pool.ts";
import { createTestDatabase, PrivateServer, type TestDatabase } from "../support/database.ts";
import { findPgBouncer, type PgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";

testChannelLayer({
  name: "memory",
  lacks: {
    26: "there is no SQL in memory",
    27: "nothing listens in memory",
    28: "there is no connection in memory",
    29: "there is no server in memory",
    33: "there is no LISTEN in memory",
    34: "no stranger reaches this memory",
  },
  open() {
    const network = memoryBusNetwork();
    const parts = { queues: memoryQueueStore(), presence: memoryPresenceStore() };
    return Promise.resolve({
      layer: (options: ChannelLayerOptions = {}) =>
        Promise.resolve(new ChannelLayer(network.bus(), options, parts)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
});

testChannelLayer({
  name: "PostgreSQL",
  open: async ({ number }) =>
    number === 29
      ? new PrivateNetwork(await PrivateServer.start())
      : new SharedNetwork(await createTestDatabase()),
});

const pgbouncer = await findPgBouncer();
if (pgbouncer === null) {
  console.warn("SKIPPED: PgBouncer is not installed, so no channel layer was tried through it");
} else {
  testChannelLayer({
    name: "PostgreSQL through PgBouncer",
    lacks: { 29: "the pooler would restart with it" },
    async open() {
      const database = await createTestDatabase();
      return new SharedNetwork(database, await startPgBouncer(pgbouncer, database.url));
    },
  });
}

/** Layers on a server of their own, that can be stopped. */
class PrivateNetwork implements ConformanceNetwork {
  readonly #server: PrivateServer;

  constructor(server: PrivateServer) {
    this.#server = server;
  }

  layer(options: ChannelLayerOptions = {}): Promise<ChannelLayer> {
    return postgresChannelLayer({ ...options, url: this.#server.url });
  }

  async restart(): Promise<void> {
    await this.#server.stop("immediate");
    await this.#server.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Layers on a database of the tests' server; through a pooler all but LISTEN. */
class SharedNetwork implements ConformanceNetwork {
  readonly #database: TestDatabase;
  readonly #pooler: PgBouncer | undefined;
  readonly #proxies: TcpProxy[] = [];

  constructor(database: TestDatabase, pooler?: PgBouncer) {
    this.#database = database;
    this.#pooler = pooler;
  }

  layer(options: ChannelLayerOptions = {}): Promise<ChannelLayer> {
    const { url } = this.#database;
    return postgresChannelLayer({
      ...options,
      url: this.#pooler?.through(url) ?? url,
      directUrl: url,
    });
  }

  async sendFromSql(group: string, json: string, end: "commit" | "rollback"): Promise<void> {
    await this.#database.sql.begin(async (tx) => {
      await tx`select channels.group_send(${group}, ${json}::text::jsonb)`;
      if (end === "rollback") await tx`rollback`;
    });
  }

  async killListeners(): Promise<void> {
    await this.#database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'maru-listener' and datname = current_database()`;
  }

  async silenceable(heartbeatMs: number) {
    const { url } = this.#database;
    const proxy = startTcpProxy(Number(new URL(url).port));
    this.#proxies.push(proxy);
    const through = new URL(url);
    through.port = String(proxy.port);
    const layer = await postgresChannelLayer({
      url,
      directUrl: through.href,
      heartbeatIntervalMs: heartbeatMs,
    });
    return { layer, silence: proxy.swallow, restore: proxy.resume };
  }

  async forge(): Promise<void> {
    const { sql } = this.#database;
    const role = `stranger_${crypto.randomUUID().replaceAll("-", "")}`;
    await sql.unsafe(`create role ${role} login`);
    const url = new URL(this.#database.url);
    url.username = role;
    const stranger = connect(url.href, { name: "stranger" });
    await stranger`select pg_notify('channels_all', 'forged')`;
    await stranger.end();
    await sql.unsafe(`drop role ${role}`);
  }

  /** Those that go through the pooler are its own, and it keeps them. */
  async connections(): Promise<number> {
    const names = this.#pooler === undefined ? "maru-%" : "maru-listener";
    const rows = await this.#database.sql`
      select count(*)::int from pg_stat_activity
      where datname = current_database() and application_name like ${names}
        and application_name <> 'maru-test'`;
    return rows[0]!["count"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
    await this.#pooler?.[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}
