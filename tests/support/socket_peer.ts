/** A plain WebSocket, as any program would open one, that misses nothing. */
export class SocketPeer implements AsyncDisposable {
  readonly socket: WebSocket;
  /** How it was closed. */
  readonly closed: Promise<CloseEvent>;
  readonly #received: unknown[] = [];
  #came = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => {
      this.#received.push(data);
      this.#came();
    };
  }

  /** Opens one; rejects when it is refused. */
  static async open(url: string, protocols: string[] = []): Promise<SocketPeer> {
    const peer = new SocketPeer(new WebSocket(url.replace(/^http/, "ws"), protocols));
    await new Promise((resolve, reject) => {
      peer.socket.onopen = resolve;
      peer.socket.onerror = () => reject(new Error(`Cannot open ${url}: it was refused`));
    });
    return peer;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(data);
  }

  /** What came next, now or later. */
  async next(): Promise<unknown> {
    if (this.#received.length === 0) await new Promise<void>((resolve) => this.#came = resolve);
    return this.#received.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
