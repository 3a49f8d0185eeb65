import assert from "node:assert/strict";
import { Api, ApiError } from "../../src/client/mod.ts";
import { ManualClock } from "./manual_clock.ts";

interface Call {
  readonly url: string;
  readonly method: string | undefined;
  readonly body: unknown;
}

function setUp(answer: () => Response) {
  const calls: Call[] = [];
  const clock = new ManualClock();
  const api = new Api({
    baseUrl: "https://chat.test/",
    clock,
    fetch: (url, init) => {
      const body = init?.body === undefined ? undefined : JSON.parse(String(init.body));
      calls.push({ url: String(url), method: init?.method, body });
      return Promise.resolve(answer());
    },
  });
  return { api, calls, clock };
}

Deno.test("names are encoded and absent fields are left out", async () => {
  const { api, calls } = setUp(() => Response.json({}));
  await api.history("마루", { beforeSeq: 12, limit: 50 });
  await api.history("lobby");
  await api.rooms({ q: "a&b" });
  await api.room("lobby");
  assert.deepEqual(calls.map(({ url }) => url.replace("https://chat.test/api/", "")), [
    "rooms/%EB%A7%88%EB%A3%A8/messages?before_seq=12&limit=50",
    "rooms/lobby/messages",
    "rooms?q=a%26b",
    "rooms/lobby",
  ]);
});

Deno.test("bodies are sent as JSON", async () => {
  const { api, calls } = setUp(() => Response.json({}));
  await api.renameMe("민지");
  await api.createRoom("lobby");
  await api.postMessage("lobby", { id: "one", message: "hello" });
  assert.deepEqual(calls.map(({ method, body }) => [method, body]), [
    ["PATCH", { name: "민지" }],
    ["POST", { name: "lobby" }],
    ["POST", { id: "one", message: "hello" }],
  ]);
});

Deno.test("a refusal carries its problem details", async () => {
  const problem = {
    type: "about:blank",
    title: "Too Many Requests",
    status: 429,
    code: "rate_limited",
    retry: true,
    detail: "Wait a moment",
  };
  const { api } = setUp(() =>
    Response.json(problem, { status: 429, headers: { "retry-after": "3" } })
  );
  await assert.rejects(api.me(), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual(error.problem, problem);
    assert.equal(error.code, "rate_limited");
    assert.equal(error.retry, true);
    assert.equal(error.retryAfter, 3);
    assert.equal(error.message, "Wait a moment");
    return true;
  });
});

Deno.test("a page of HTML from a proxy is an error that may pass", async () => {
  const { api } = setUp(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await assert.rejects(api.me(), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual([error.status, error.code, error.retry], [502, "internal", true]);
    return true;
  });
});

Deno.test("a server that does not answer is given up, and leaves no timer", async () => {
  const clock = new ManualClock();
  const api = new Api({
    baseUrl: "https://chat.test",
    clock,
    fetch: (_url, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      }),
  });
  const answer = api.me();
  clock.advance(15_000);
  await assert.rejects(answer, { name: "TimeoutError" });
  assert.equal(clock.waiting, 0);
});

Deno.test("a caller's signal gives a request up", async () => {
  const api = new Api({
    baseUrl: "https://chat.test",
    clock: new ManualClock(),
    fetch: (_url, init) => {
      init?.signal?.throwIfAborted();
      return Promise.resolve(Response.json({}));
    },
  });
  await assert.rejects(api.me({ signal: AbortSignal.abort() }), { name: "AbortError" });
});
