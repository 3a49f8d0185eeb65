import assert from "node:assert/strict";
import { openPostgresBus } from "../../src/channels/mod.ts";
import { createTestDatabase } from "../support/database.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

const HEARTBEAT_MS = 2_000;

Deno.test("a listener is thrown away when two heartbeats are missing: not after one, nor four", async () => {
  await using db = await createTestDatabase();
  await using proxy = startTcpProxy(Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.port = String(proxy.port);
  await using bus = await openPostgresBus({
    url: db.url,
    directUrl: through.href,
    heartbeatIntervalMs: HEARTBEAT_MS,
  });
  const lost = Promise.withResolvers<void>();
  bus.onDoubt((reason) => reason === "lost" && lost.resolve());
  const { heartbeats } = bus.counters();
  await until(() => bus.counters()["heartbeats"]! > heartbeats!);
  // From here on the next one is due in an interval, and the one after it in two.
  const startedAt = performance.now();
  proxy.swallow();
  await lost.promise;
  const missed = (performance.now() - startedAt) / HEARTBEAT_MS;
  assert.ok(missed > 1.5 && missed < 3, `${missed} heartbeats`);
  assert.equal(bus.health().listening, false);
  assert.equal(bus.counters()["reconnects"], 1);
});
