/** A TCP proxy with faults, for what a network does. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections. */
  cut(): void;
  /** From now on accepts bytes and forwards none, both ways. */
  swallow(): void;
  /** Forwards again, on new connections. */
  resume(): void;
  /** Ends each new connection at once. */
  refuse(): void;
}

/** Forwards to a port of this machine until told otherwise. */
export function startTcpProxy(targetPort: number): TcpProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  let mode: "forward" | "swallow" | "refuse" = "forward";
  const running = new Set<Promise<void>>();
  const track = (work: Promise<void>) => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  track(accept());
  return {
    port: listener.addr.port,
    cut,
    swallow: () => mode = "swallow",
    resume: () => mode = "forward",
    refuse: () => mode = "refuse",
    async [Symbol.asyncDispose]() {
      listener.close();
      cut();
      await Promise.all(running);
    },
  };

  function cut(): void {
    for (const connection of open) close(connection);
  }

  async function accept(): Promise<void> {
    try {
      for await (const client of listener) {
        open.add(client);
        if (mode === "refuse") close(client);
        else track(serve(client));
      }
    } catch {
      // The listener is closed.
    }
  }

  async function serve(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
    } catch {
      return close(client);
    }
    open.add(server);
    await Promise.all([pump(client, server), pump(server, client)]);
  }

  async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    let swallowed = false;
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        // What lost bytes once must not go on as if nothing had happened.
        swallowed ||= mode === "swallow";
        if (swallowed) continue;
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
      }
    } catch {
      // One side is gone.
    }
    close(from);
    close(to);
  }

  function close(connection: Deno.TcpConn): void {
    if (!open.delete(connection)) return;
    connection.close();
  }
}
