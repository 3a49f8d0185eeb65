import assert from "node:assert/strict";
import { memoryBusNetwork } from "../../src/channels/mod.ts";
import { Subscribers } from "../../src/channels/subscribers.ts";

const NOTHING = new Uint8Array();
// A handler that is called again and again gives up here, so that the test fails instead of hanging.
const MANY_CALLS = 1_000;

const kinds: {
  readonly kind: string;
  readonly register: (to: Subscribers, handler: () => void, signal?: AbortSignal) => void;
  readonly call: (subscribers: Subscribers) => void;
}[] = [
  {
    kind: "doubt handler",
    register: (to, handler, signal) => to.onDoubt(handler, signal),
    call: (subscribers) => subscribers.doubt("lost"),
  },
  {
    kind: "topic handler",
    register: (to, handler, signal) => to.subscribe("t", handler, signal),
    call: (subscribers) => subscribers.deliver("t", NOTHING, "somebody"),
  },
];

for (const { kind, register, call } of kinds) {
  Deno.test(`a ${kind} that leaves and comes again while it is called is called once a time`, () => {
    const subscribers = new Subscribers(() => {});
    let calls = 0;
    const once = () => {
      const stop = new AbortController();
      register(subscribers, () => {
        stop.abort();
        if (++calls < MANY_CALLS) once();
      }, stop.signal);
    };
    once();
    for (const expected of [1, 2, 3]) {
      call(subscribers);
      assert.equal(calls, expected);
    }
  });

  Deno.test(`a ${kind} that another one ends in the same round is not called any more`, () => {
    const subscribers = new Subscribers(() => {});
    const stop = new AbortController();
    const got: string[] = [];
    register(subscribers, () => {
      got.push("first");
      stop.abort();
    });
    register(subscribers, () => got.push("ended"), stop.signal);
    register(subscribers, () => got.push("last"));
    call(subscribers);
    call(subscribers);
    assert.deepEqual(got, ["first", "last", "first", "last"]);
  });

  Deno.test(`a ${kind} that is registered twice is called twice, and each ends with its signal`, () => {
    const subscribers = new Subscribers(() => {});
    const [one, two] = [new AbortController(), new AbortController()];
    let calls = 0;
    const shared = () => calls++;
    for (const { signal } of [one, two]) register(subscribers, shared, signal);
    const counts = [undefined, one, two].map((ending) => {
      ending?.abort();
      calls = 0;
      call(subscribers);
      return calls;
    });
    assert.deepEqual(counts, [2, 1, 0]);
  });

  Deno.test(`a ${kind} that throws is told and stops nobody; one that has ended before never hears`, () => {
    const warnings: unknown[] = [];
    const subscribers = new Subscribers((_message, error) => warnings.push(error));
    const broken = new Error("broken");
    const got: string[] = [];
    register(subscribers, () => {
      throw broken;
    });
    register(subscribers, () => got.push("never"), AbortSignal.abort());
    register(subscribers, () => got.push("good"));
    call(subscribers);
    assert.deepEqual([got, warnings], [["good"], [broken]]);
  });
}

Deno.test("a subscriber of a memory bus that comes again at each publication hears each once", async () => {
  const network = memoryBusNetwork();
  await using one = network.bus();
  await using two = network.bus();
  const got: number[] = [];
  const once = () => {
    const stop = new AbortController();
    two.subscribe("t", (bytes) => {
      stop.abort();
      if (got.push(bytes[0]!) < MANY_CALLS) once();
    }, { signal: stop.signal });
  };
  once();
  for (const n of [1, 2, 3]) one.publish("t", Uint8Array.of(n));
  await one.flush();
  assert.deepEqual(got, [1, 2, 3]);
});
