import type { WarnHandler } from "../channels/mod.ts";

/** What is used of a channel layer: `ChannelLayer` is one. */
export interface TaskLayer {
  /** A fresh name of a channel. */
  newChannel(prefix: string): string;
  /** Hands a channel's messages over, until the signal. */
  subscribe(
    channel: string,
    handler: (message: Readonly<Record<string, unknown>>) => void,
    options: { readonly signal: AbortSignal },
  ): void;
  /** Puts a channel into a group. */
  groupAdd(group: string, channel: string): Promise<void>;
  /** Sends to all channels of a group. */
  groupSend(group: string, message: Readonly<Record<string, unknown>>): Promise<void>;
  /** Is told when something may have been missed. */
  onDoubt(handler: () => void, options: { readonly signal: AbortSignal }): void;
}

/** What is sent to a job's group, {@linkcode taskGroup}, of the channel layer. */
export type TaskEvent =
  | {
    readonly type: "task.progress";
    readonly id: string;
    readonly task: string;
    readonly fraction: number;
    readonly text: string;
  }
  | { readonly type: "task.done"; readonly id: string; readonly task: string }
  | {
    readonly type: "task.failed";
    readonly id: string;
    readonly task: string;
    readonly message: string;
  }
  | { readonly type: "task.cancelled"; readonly id: string; readonly task: string };

/** The channel layer's group that is told of a job. */
export function taskGroup(id: string): string {
  return `task.${id}`;
}

/** Tells who is interested in a job; at most once, as the channel layer does. */
export class TaskEvents {
  readonly #layer: TaskLayer | undefined;
  readonly #warn: WarnHandler;

  constructor(layer: TaskLayer | undefined, warn: WarnHandler) {
    this.#layer = layer;
    this.#warn = warn;
  }

  send(event: TaskEvent): void {
    this.#layer?.groupSend(taskGroup(event.id), { ...event }).catch((error) =>
      this.#warn(`Cannot send ${event.type}`, error)
    );
  }

  /**
   * Calls back when something happened to a job, or may have; also after an interruption.
   * `undefined` stands for the latter. Resolves when nothing will be missed any more, to whether
   * there is anything to be heard at all.
   */
  async subscribe(
    id: string,
    handler: (event: TaskEvent | undefined) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const layer = this.#layer;
    if (layer === undefined) return false;
    const channel = layer.newChannel("task");
    layer.subscribe(channel, (message) => handler(message as unknown as TaskEvent), { signal });
    layer.onDoubt(() => handler(undefined), { signal });
    try {
      await layer.groupAdd(taskGroup(id), channel);
      return true;
    } catch (error) {
      this.#warn(`Cannot listen to job "${id}"; it is polled for`, error);
      return false;
    }
  }
}
