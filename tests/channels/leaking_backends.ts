import { ChannelLayer } from "../../src/channels/layer.ts";
import { memoryBusNetwork } from "../../src/channels/memory_bus.ts";
import { memoryPresenceStore, memoryQueueStore } from "../../src/channels/memory_stores.ts";
import { testChannelLayer } from "../../src/channels/testing/conformance.ts";

/** Backends of a third party, for `conformance_sanitizers_test.ts`: what each layer leaves behind. */
const leaks: Record<string, () => unknown> = {
  "leaks nothing": () => {},
  "leaks a timer": () => setInterval(() => {}, 60_000),
  "leaks a file": () => Deno.open(new URL(import.meta.url)),
};

for (const [name, leak] of Object.entries(leaks)) {
  testChannelLayer({
    name,
    open() {
      const network = memoryBusNetwork();
      const stores = { queues: memoryQueueStore(), presence: memoryPresenceStore() };
      return Promise.resolve({
        async layer(options) {
          await leak();
          const bus = network.bus();
          return new ChannelLayer(bus, options, { ...stores, owned: [bus] });
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  });
}
