import { ChannelLayer } from "./layer.ts";
import type { ChannelLayerOptions } from "./layer_options.ts";
import { memoryBusNetwork } from "./memory_bus.ts";
import { memoryPresenceStore, memoryQueueStore } from "./memory_stores.ts";

/**
 * A channel layer of one process: for tests, and for a service of one instance.
 *
 * @example
 * ```ts
 * import { memoryChannelLayer } from "maru/channels";
 *
 * await using layer = memoryChannelLayer({ capacity: 10 });
 * await layer.send("thumbnails", { type: "make", id: 7 });
 * ```
 */
export function memoryChannelLayer(options: ChannelLayerOptions = {}): ChannelLayer {
  return new ChannelLayer(memoryBusNetwork().bus(), options, {
    queues: memoryQueueStore(options),
    presence: memoryPresenceStore(options),
  });
}
