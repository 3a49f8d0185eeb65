import assert from "node:assert/strict";
import { deafPeers } from "./bad_peers.ts";
import { Outcome } from "./outcome.ts";
import { startStub } from "./stub_server.ts";

Deno.test("a server that refuses the peers who never read fails the run", async () => {
  await using stub = startStub(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 503 Busy\r\n\r\n"));
    connection.close();
  });
  const outcome = new Outcome();
  await outcome.watch(deafPeers(stub.port, "loud", outcome));
  assert.equal(outcome.failed, 1);
  assert.match([...outcome.lines()].join("\n"), /Cannot open a socket: HTTP\/1\.1 503 Busy/);
});

Deno.test("peers who never read and are let go before they lag fail the run", async () => {
  await using stub = startStub(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  });
  const outcome = new Outcome();
  // Reading the kernel's table takes more permissions than tests have.
  const allGone = () => Promise.resolve(true);
  await outcome.watch(deafPeers(stub.port, "loud", outcome, { allGone }));
  assert.match([...outcome.lines()].join("\n"), /let go before it lags: after 0 bytes/);
});
