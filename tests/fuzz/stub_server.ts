/** A server that does to each connection what a test wants, so that the fuzz has a fault to find. */
export interface StubServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts one. What its handler leaves open is closed with it. */
export function startStub(handle: (connection: Deno.TcpConn) => Promise<void>): StubServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const handling: Promise<void>[] = [];
  const accepting = acceptAll();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) closeIfOpen(connection);
      await Promise.allSettled(handling);
    },
  };

  async function acceptAll(): Promise<void> {
    for await (const connection of listener) {
      connections.push(connection);
      handling.push(handle(connection));
    }
  }
}

function closeIfOpen(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The handler has closed it.
  }
}
