import assert from "node:assert/strict";
import { Outcome } from "./outcome.ts";
import { RawSocket } from "./raw_socket.ts";
import { startStub } from "./stub_server.ts";

const TIMEOUT = { timeoutMs: 100 };

Deno.test("a server that never answers the handshake is a failure of the run", async () => {
  await using stub = startStub(() => Promise.resolve());
  const outcome = new Outcome();
  await outcome.watch(RawSocket.open(stub.port, "lobby", TIMEOUT).then(() => {}));
  assert.match([...outcome.lines()].join("\n"), /Cannot open a socket: the server hangs/);
});

Deno.test("a server that reads no more is found by the one who writes", async () => {
  await using stub = startStub(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  });
  await using socket = await RawSocket.open(stub.port, "lobby", TIMEOUT);
  // More than the kernel keeps on both sides.
  const writing = socket.write(new Uint8Array(64 * 1024 * 1024));
  await assert.rejects(writing, /Cannot write to a socket: the server hangs/);
});

Deno.test("a write to a server that is gone says so", async () => {
  await using stub = startStub(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    connection.close();
  });
  await using socket = await RawSocket.open(stub.port, "lobby", TIMEOUT);
  assert.equal(await socket.write(new Uint8Array(64 * 1024 * 1024)), false);
});
