/** A TCP proxy with faults, for what a network does. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** How many clients are connected. */
  readonly connections: number;
  /** Ends all connections. */
  cut(): void;
  /**
   * From now on accepts bytes and forwards none, both ways.
   *
   * @param only on connections whose first bytes contain this, such as a name in a start-up packet
   */
  swallow(only?: string): void;
  /** From now on reads nothing that a server sends: it waits there, then the server does. */
  hold(only?: string): void;
  /** Forwards again, what was held and on new connections; one that was swallowed stays silent. */
  resume(): void;
  /** Ends each new connection at once. */
  refuse(): void;
  /** From now on forwards so many ms later, both ways, as from far away. */
  delay(ms: number): void;
}

interface Pair {
  readonly client: Deno.TcpConn;
  /** The first bytes of the client's, as Latin-1. */
  opening: string;
}

/**
 * Forwards to a port of this machine until told otherwise.
 *
 * @param target the port, or a function that gives the ports to try for each new connection, in order
 */
export function startTcpProxy(target: number | (() => readonly number[])): TcpProxy {
  const targets = typeof target === "number" ? () => [target] : target;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const clients = new Set<Deno.TcpConn>();
  let mode: "forward" | "swallow" | "hold" | "refuse" = "forward";
  let only = "";
  let delayMs = 0;
  let released = Promise.withResolvers<void>();
  const running = new Set<Promise<void>>();
  const track = (work: Promise<void>) => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  track(accept());
  return {
    port: listener.addr.port,
    get connections() {
      return clients.size;
    },
    cut,
    swallow: (matching = "") => change("swallow", matching),
    hold: (matching = "") => change("hold", matching),
    resume: () => change("forward"),
    refuse: () => change("refuse"),
    delay: (ms) => delayMs = ms,
    async [Symbol.asyncDispose]() {
      listener.close();
      change("forward");
      cut();
      await Promise.all(running);
    },
  };

  function change(to: typeof mode, matching = ""): void {
    mode = to;
    only = matching;
    released.resolve();
    released = Promise.withResolvers();
  }

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
    clients.add(client);
    const server = await connect();
    // It may have been cut meanwhile.
    if (server === null || !open.has(client)) {
      server?.close();
      return close(client);
    }
    open.add(server);
    const pair: Pair = { client, opening: "" };
    await Promise.all([pump(pair, client, server), pump(pair, server, client)]);
  }

  async function connect(): Promise<Deno.TcpConn | null> {
    for (const port of targets()) {
      try {
        return await Deno.connect({ hostname: "127.0.0.1", port });
      } catch {
        // The next one.
      }
    }
    return null;
  }

  async function pump(pair: Pair, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const fromServer = from !== pair.client;
    const concerned = () => only === "" || pair.opening.includes(only);
    let swallowed = false;
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        if (!fromServer && pair.opening === "") pair.opening = latin1(buffer.subarray(0, n));
        while (fromServer && mode === "hold" && concerned() && open.has(from)) {
          await released.promise;
        }
        // What lost bytes once must not go on as if nothing had happened.
        swallowed ||= mode === "swallow" && concerned();
        if (swallowed) continue;
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
      }
    } catch {
      // One side is gone.
    }
    close(from);
    close(to);
  }

  function close(connection: Deno.TcpConn): void {
    clients.delete(connection);
    if (!open.delete(connection)) return;
    connection.close();
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
