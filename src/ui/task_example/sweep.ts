import { batch, type ReadonlySignal, signal } from "@preact/signals";
import type { SweepCommand, SweepFrame, SweepStatus } from "../../protocol/task_bodies.ts";
import type { Trouble } from "../language/texts.ts";
import { LiveSocket, type LiveSocketOptions, type LiveState } from "../live_socket.ts";

/** Where the page keeps which task it shows: its address, so that a reload shows it again. */
export interface TaskAddress {
  /** The task's id, if there is one. */
  read(): string | null;
  write(id: string): void;
}

const PATH = "/ws/examples/task/";

/** One task: started, followed and cancelled over a socket. */
export class Sweep implements Disposable {
  readonly #address: TaskAddress;
  readonly #socket: LiveSocket<SweepFrame, SweepCommand>;
  readonly #status = signal<SweepStatus | null>(null);
  readonly #trouble = signal<Trouble | null>(null);
  readonly #asked = signal(false);

  /** @param onLost called when the socket is lost */
  constructor(
    address: TaskAddress,
    onLost: () => void,
    socketOptions: Partial<LiveSocketOptions<SweepFrame>> = {},
  ) {
    this.#address = address;
    this.#socket = new LiveSocket({
      path: PATH,
      onLost: () => {
        this.#asked.value = false;
        onLost();
      },
      ...socketOptions,
      onFrame: (frame) => this.#receive(frame),
    });
  }

  /** How the task stands; `null` when there is none. */
  get status(): ReadonlySignal<SweepStatus | null> {
    return this.#status;
  }

  /** Why the last wish was not fulfilled. */
  get trouble(): ReadonlySignal<Trouble | null> {
    return this.#trouble;
  }

  /** How the connection stands. */
  get state(): ReadonlySignal<LiveState> {
    return this.#socket.state;
  }

  /** Whether a task waits or runs, or is about to. */
  get isUnderWay(): boolean {
    const state = this.#status.value?.state;
    return this.#asked.value || state === "waiting" || state === "running";
  }

  /** Starts one, which may fail on the way. */
  start(breaks: boolean): void {
    if (this.isUnderWay) return;
    this.#trouble.value = null;
    this.#asked.value = this.#socket.send({ type: "start", breaks });
  }

  cancel(): void {
    this.#socket.send({ type: "cancel" });
  }

  /** Tries again to connect, or looks whether the connection lives. */
  wake(): void {
    this.#socket.wake();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #receive(frame: SweepFrame): void {
    batch(() => {
      if (frame.type === "ready") {
        const id = this.#address.read();
        if (id !== null) this.#socket.send({ type: "follow", id });
      } else if (frame.type === "task") {
        this.#asked.value = false;
        this.#trouble.value = null;
        if (frame.id !== this.#status.value?.id) this.#address.write(frame.id);
        this.#status.value = frame;
      } else if (frame.type === "error") {
        this.#asked.value = false;
        this.#trouble.value = frame.code;
      }
    });
  }
}
