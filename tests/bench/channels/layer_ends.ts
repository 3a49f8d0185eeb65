import { type ChannelLayer, postgresChannelLayer } from "../../../src/channels/mod.ts";
import type { BenchMessage, HearMessage, SendingEnd } from "./carrier.ts";

const PROGRESS_INTERVAL_MS = 1;

/** Sends by an instance of the channel layer. */
export async function openLayerSender(url: string): Promise<SendingEnd> {
  const layer = await openLayer(url);
  return {
    get inFlight() {
      const { sent, bus } = layer.counters();
      return sent - bus["sent"]! - bus["dropped"]!;
    },
    send(group: number, message: BenchMessage) {
      void layer.groupSend(groupName(group), message);
    },
    progress: () => new Promise((resolve) => setTimeout(resolve, PROGRESS_INTERVAL_MS)),
    [Symbol.asyncDispose]: () => layer.close(),
  };
}

/** Hears as an instance of the channel layer that has a member in each group. */
export async function openLayerReceiver(
  url: string,
  groups: number,
  hear: HearMessage,
): Promise<AsyncDisposable> {
  const layer = await openLayer(url);
  for (let group = 0; group < groups; group++) {
    const channel = layer.newChannel();
    layer.subscribe(channel, (message) => hear(group, message as BenchMessage));
    await layer.groupAdd(groupName(group), channel);
  }
  return layer;
}

function openLayer(url: string): Promise<ChannelLayer> {
  return postgresChannelLayer({
    url,
    migrate: false,
    warn: (message, error) => console.error(`The layer warns: ${message}`, error),
  });
}

function groupName(group: number): string {
  return `bench-${group}`;
}
