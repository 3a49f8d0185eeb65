import { inTime } from "../time_limit.ts";
import type { ConformanceBackend } from "./backend.ts";
import { channelItems } from "./channel_items.ts";
import { faultItems } from "./fault_items.ts";
import { groupItems } from "./group_items.ts";

/**
 * Registers, with `Deno.test`, a test for each item of the contract that a channel layer keeps. For
 * a backend of your own: a bus to another engine, stores in another database.
 *
 * Each runs with the sanitizers of `Deno.test` for ops and resources: what a layer leaves open when
 * it is closed (a timer, a connection) fails its test.
 *
 * @throws {RangeError} when the backend declares to lack an item that there is not
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   ChannelLayer,
 *   memoryBusNetwork,
 *   memoryPresenceStore,
 *   memoryQueueStore,
 * } from "maru/channels";
 * import { testChannelLayer } from "maru/channels/testing";
 *
 * testChannelLayer({
 *   name: "my bus",
 *   lacks: {
 *     26: "there is no SQL",
 *     27: "nothing listens",
 *     28: "there is no connection",
 *     29: "there is no server",
 *     33: "nothing listens",
 *     34: "there are no strangers",
 *   },
 *   open() {
 *     const network = memoryBusNetwork();
 *     const stores = { queues: memoryQueueStore(), presence: memoryPresenceStore() };
 *     return Promise.resolve({
 *       layer(options) {
 *         const bus = network.bus();
 *         return Promise.resolve(new ChannelLayer(bus, options, { ...stores, owned: [bus] }));
 *       },
 *       [Symbol.asyncDispose]: () => Promise.resolve(),
 *     });
 *   },
 * });
 *
 * Deno.test("my bus says how it is", () => {
 *   assert.equal(memoryBusNetwork().bus().health().listening, true);
 * });
 * ```
 */
export function testChannelLayer(backend: ConformanceBackend): void {
  const items = [...channelItems, ...groupItems, ...faultItems].sort((a, b) => a.number - b.number);
  const lacks = backend.lacks ?? {};
  for (const number of Object.keys(lacks)) {
    if (!items.some((item) => item.number === Number(number))) {
      throw new RangeError(`Cannot lack item ${number}: there are ${items.length}`);
    }
  }
  for (const item of items) {
    const { number, title, run } = item;
    const lack = lacks[number];
    Deno.test({
      name: `${backend.name}: ${number} · ${title}${lack === undefined ? "" : ` (none: ${lack})`}`,
      ignore: lack !== undefined,
      // Part of the contract, whatever a project's deno.json says: they are off by default.
      sanitizeOps: true,
      sanitizeResources: true,
      async fn() {
        await using network = await backend.open(item);
        await inTime(run(network), ITEM_TIMEOUT_MS, `Not done within ${ITEM_TIMEOUT_MS} ms`);
      },
    });
  }
}

// An item that waits for what never comes is to fail, not to hang.
const ITEM_TIMEOUT_MS = 90_000;
