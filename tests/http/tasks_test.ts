import assert from "node:assert/strict";
import { Hono } from "hono";
import WebSocket from "ws";
import { z } from "zod";
import { ConfigError, parseConfig } from "../../src/config.ts";
import type { RequestEnvironment } from "../../src/http/context.ts";
import { OPERATOR_SESSION_MS, Operators } from "../../src/http/operators.ts";
import { sweepTask } from "../../src/http/task_example/sweep_task.ts";
import { crontab, defineTask, PermanentTaskError } from "../../src/tasks/mod.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openTasks, type TestTasks } from "../tasks/open_tasks.ts";
import { until } from "../support/until.ts";

const TOKEN = "a-token-of-thirty-two-characters-or-more";
/** Somebody else, as a proxy tells of them. */
const ELSEWHERE = { "x-forwarded-for": "203.0.113.7" };

const greet = defineTask({ name: "greet", input: z.string(), run: (name) => `hello ${name}` });
const fail = defineTask({
  name: "fail",
  input: z.object({ why: z.string() }),
  uniqueKey: ({ why }) => why,
  run({ why }) {
    throw new PermanentTaskError(why);
  },
});
const hang = defineTask({
  name: "hang",
  input: z.object({}),
  retries: 0,
  run: (_, { signal, progress }) => {
    progress(0.25, "a quarter");
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    );
  },
});

interface World extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly server: TestServer;
  readonly tasks: TestTasks["tasks"];
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Record<string, string> },
    // deno-lint-ignore no-explicit-any -- tests look into answers of every kind
  ): Promise<{ status: number; headers: Headers; body: any }>;
}

async function openWorld(env: Readonly<Record<string, string>> = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const server = stack.use(await startServer(database.url, env));
  const { tasks } = stack.use(await openTasks(database.url));
  const opened = stack.move();
  return {
    database,
    server,
    tasks,
    async call(method, path, { body, headers = {} } = {}) {
      const response = await fetch(server.origin + path, {
        method,
        redirect: "manual",
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const READS = ["", "/jobs?state=failed", "/jobs/x", "/schedules"].map((path) =>
  ["GET", `/api/admin/tasks${path}`] as const
);
const WRITES = [
  ["POST", "/api/admin/tasks/jobs/x/retries"],
  ["PUT", "/api/admin/tasks/jobs/x/cancellation"],
  ["PUT", "/api/admin/tasks/schedules/x/pause"],
  ["DELETE", "/api/admin/tasks/schedules/x/pause"],
  ["POST", "/api/admin/tasks/schedules/x/runs"],
] as const;

Deno.test("without a token, administration does not exist for anybody elsewhere", async () => {
  await using world = await openWorld();
  const nowhere = await world.call("GET", "/api/nowhere", { headers: ELSEWHERE });
  const doors = [
    ...READS,
    ...WRITES,
    ["GET", "/api/admin/session"],
    ["PUT", "/api/admin/session"],
    ["GET", "/api/admin/nowhere"],
    ["GET", "/admin"],
    ["GET", "/admin/tasks/"],
    ["GET", "/examples/task/"],
    ["GET", "/ws/admin/tasks/"],
    ["GET", "/ws/examples/task/"],
  ] as const;
  for (const [method, path] of doors) {
    const { status, headers, body } = await world.call(method, path, { headers: ELSEWHERE });
    assert.equal(status, 404, path);
    assert.deepEqual({ ...body, detail: "" }, { ...nowhere.body, detail: "" }, path);
    assert.deepEqual([...headers.keys()], [...nowhere.headers.keys()], path);
  }
});

Deno.test("with a token, a stranger is told to sign in, and the same whatever they tried", async () => {
  await using world = await openWorld({ OPERATOR_TOKEN: TOKEN });
  const attempts = [
    ELSEWHERE,
    { ...ELSEWHERE, authorization: `Bearer ${TOKEN.slice(1)}` },
    { ...ELSEWHERE, cookie: "maru_operator=1999999999999.AAAA" },
  ];
  const bodies = new Set<string>();
  for (const [method, path] of [...READS, ...WRITES, ["GET", "/api/admin/nowhere"] as const]) {
    for (const headers of attempts) {
      const answer = await world.call(method, path, { headers });
      assert.equal(answer.status, 401, path);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="maru"');
      assert.equal(answer.headers.get("cache-control"), "no-store");
      bodies.add(JSON.stringify(answer.body));
    }
  }
  assert.equal(bodies.size, 1);
  assert.equal(JSON.parse([...bodies][0]!).code, "not_operator");
  const page = await world.call("GET", "/admin/tasks/", { headers: ELSEWHERE });
  assert.equal(page.status, 200, "the page is there to sign in on");
});

Deno.test("an operator signs in by the token, is known by the cookie, and signs out", async () => {
  await using world = await openWorld({ OPERATOR_TOKEN: TOKEN });
  const path = "/api/admin/session";
  assert.equal((await world.call("GET", path, { headers: ELSEWHERE })).status, 401);
  const wrong = await world.call("PUT", path, { headers: ELSEWHERE, body: { token: "no" } });
  assert.deepEqual([wrong.status, wrong.body.code], [401, "not_operator"]);
  assert.equal(wrong.headers.get("set-cookie"), null);
  assert.equal(
    (await world.call("PUT", path, { headers: ELSEWHERE, body: {} })).body.errors[0].field,
    "token",
  );
  const right = await world.call("PUT", path, { headers: ELSEWHERE, body: { token: TOKEN } });
  assert.deepEqual([right.status, right.body.by], [200, "cookie"]);
  const cookie = right.headers.get("set-cookie")!.split(";")[0]!;
  const known = { ...ELSEWHERE, cookie };
  assert.equal((await world.call("GET", path, { headers: known })).body.until, right.body.until);
  assert.equal((await world.call("GET", "/api/admin/tasks", { headers: known })).status, 200);
  const out = await world.call("DELETE", path, { headers: known });
  assert.match(out.headers.get("set-cookie")!, /^maru_operator=; Max-Age=0/);
  const bearer = { ...ELSEWHERE, authorization: `Bearer ${TOKEN}` };
  assert.equal((await world.call("GET", path, { headers: bearer })).body.by, "token");
});

Deno.test("whoever tries token after token has to wait", async () => {
  await using world = await openWorld({
    OPERATOR_TOKEN: TOKEN,
    CLIENT_ADDRESS_HEADER: "fly-client-ip",
  });
  const attempt = async (address: string, token: string) =>
    await world.call("PUT", "/api/admin/session", {
      headers: { "fly-client-ip": address },
      body: { token },
    });
  for (let i = 0; i < 5; i++) assert.equal((await attempt("203.0.113.7", `no ${i}`)).status, 401);
  const late = await attempt("203.0.113.7", TOKEN);
  assert.deepEqual([late.status, late.body.code], [429, "rate_limited"]);
  assert.ok(Number(late.headers.get("retry-after")) > 0);
  assert.equal((await attempt("203.0.113.8", TOKEN)).status, 200, "somebody else need not");
});

Deno.test("a page of another origin administrates nothing, even one that may chat", async () => {
  await using world = await openWorld({ ALLOWED_ORIGINS: "http://chat.localhost:3000" });
  const authorized = { authorization: `Bearer ${TOKEN}` };
  for (const origin of ["http://chat.localhost:3000", "https://evil.example", "null"]) {
    for (const [method, path] of [...WRITES, ["PUT", "/api/admin/session"] as const]) {
      const { status, body } = await world.call(method, path, {
        headers: { ...authorized, origin },
      });
      assert.deepEqual([status, body.code], [403, "origin_refused"], `${origin} ${path}`);
    }
  }
});

Deno.test("a token that is too short, or has a space, ends the start", () => {
  const env = { DATABASE_URL: "postgres://localhost/x" };
  for (const token of ["x".repeat(31), `${"x".repeat(32)} `, "x".repeat(513), "é".repeat(40)]) {
    assert.throws(
      () => parseConfig({ ...env, OPERATOR_TOKEN: token }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /OPERATOR_TOKEN: Must have 32 to 512 characters/);
        assert.ok(!error.message.includes(token));
        return true;
      },
    );
  }
  const token = "x".repeat(32);
  assert.equal(parseConfig({ ...env, OPERATOR_TOKEN: token }).OPERATOR_TOKEN, token);
});

Deno.test("jobs are counted, listed by state, and shown whole", async () => {
  await using world = await openWorld();
  const { tasks, call } = world;
  const done = await tasks.delay(greet, "Ann");
  const failed = await tasks.delay(fail, { why: "no luck" });
  tasks.work([greet, fail, hang], { stopTimeoutMs: 0 });
  await done.result();
  await until(async () => (await failed.status()).state === "failed");
  const running = await tasks.delay(hang, {});
  await until(async () => (await running.status()).progress !== undefined);
  const waiting = await tasks.delay(greet, "x".repeat(300), { in: 3_600_000, priority: 3 });

  const { queues } = (await call("GET", "/api/admin/tasks")).body;
  const figures = (task: string) => {
    const queue = queues.find((queue: { task: string }) => queue.task === task);
    return [queue.waiting, queue.deferred, queue.running, queue.failed, queue.done_last_minute];
  };
  assert.deepEqual(figures("greet"), [0, 1, 0, 0, 1]);
  assert.deepEqual(figures("fail"), [0, 0, 0, 1, 0]);
  assert.deepEqual(figures("hang"), [0, 0, 1, 0, 0]);

  const list = async (query: string) =>
    (await call("GET", `/api/admin/tasks/jobs${query}`)).body.jobs;
  const [inWait] = await list("?state=waiting");
  assert.deepEqual([inWait.id, inWait.priority, inWait.attempt], [waiting.id, 3, 0]);
  assert.equal(inWait.input_preview.length, 201);
  assert.ok(new Date(inWait.due_at).getTime() > Date.now() + 3_000_000);
  const [inFailure] = await list("?state=failed&task=fail");
  assert.deepEqual(inFailure.error, { name: "PermanentTaskError", message: "no luck" });
  assert.equal(inFailure.unique_key, "no luck");
  assert.deepEqual((await list("?state=running"))[0].progress, {
    fraction: 0.25,
    text: "a quarter",
  });
  assert.deepEqual(await list("?state=failed&task=greet"), []);
  assert.equal((await list("?state=done&limit=1"))[0].id, done.id);

  const { body } = await call("GET", `/api/admin/tasks/jobs/${done.id}`);
  assert.deepEqual([body.state, body.input, body.result], ["done", "Ann", "hello Ann"]);
  const { body: failure } = await call("GET", `/api/admin/tasks/jobs/${failed.id}`);
  assert.match(failure.stack, /PermanentTaskError: no luck\n +at /);
  assert.deepEqual(failure.input, { why: "no luck" });
  for (const bad of ["", "?state=x", "?state=done&limit=0", "?state=done&limit=201"]) {
    const { status, body } = await call("GET", `/api/admin/tasks/jobs${bad}`);
    assert.deepEqual([status, body.code], [400, "invalid"], bad);
  }
  assert.equal((await call("GET", "/api/admin/tasks/jobs?state=done&task=%00")).status, 400);
});

Deno.test("a failed job is tried again, a waiting or running one is cancelled, and nothing else is", async () => {
  await using world = await openWorld();
  const { tasks, call } = world;
  const jobs = "/api/admin/tasks/jobs";
  const failed = await tasks.delay(fail, { why: "no luck" });
  const worker = tasks.work([fail]);
  await until(async () => (await failed.status()).state === "failed");
  await worker.stop();

  const retry = await call("POST", `${jobs}/${failed.id}/retries`);
  assert.deepEqual([retry.status, retry.body.state, retry.body.id], [200, "waiting", failed.id]);
  const again = await call("POST", `${jobs}/${failed.id}/retries`);
  assert.deepEqual([again.status, again.body.code], [409, "wrong_state"]);
  assert.match(again.body.detail, /is waiting/);

  const cancel = await call("PUT", `${jobs}/${failed.id}/cancellation`);
  assert.deepEqual([cancel.status, cancel.body.state], [200, "cancelled"]);
  assert.equal((await call("PUT", `${jobs}/${failed.id}/cancellation`)).status, 200, "idempotent");
  assert.equal((await call("POST", `${jobs}/${failed.id}/retries`)).status, 409);

  tasks.work([greet]);
  const done = await tasks.delay(greet, "Ann");
  await done.result();
  const late = await call("PUT", `${jobs}/${done.id}/cancellation`);
  assert.deepEqual([late.status, late.body.code], [409, "wrong_state"]);
  for (const id of [crypto.randomUUID(), "no-id", "%00"]) {
    for (const [method, path] of [["GET", ""], ["POST", "/retries"], ["PUT", "/cancellation"]]) {
      const { status, body } = await call(method!, `${jobs}/${id}${path}`);
      assert.deepEqual([status, body.code], [404, "not_found"], `${method} ${id}`);
    }
  }
});

Deno.test("a failed job whose unique key is taken cannot be tried again, and the answer says why", async () => {
  await using world = await openWorld();
  const { tasks, call } = world;
  const failed = await tasks.delay(fail, { why: "once" });
  const worker = tasks.work([fail]);
  await until(async () => (await failed.status()).state === "failed");
  await worker.stop();
  await tasks.delay(fail, { why: "once" });
  const { status, body } = await call("POST", `/api/admin/tasks/jobs/${failed.id}/retries`);
  assert.deepEqual([status, body.code], [409, "wrong_state"]);
  assert.match(body.detail, /unique key/);
});

Deno.test("schedules are listed, paused, resumed and run by hand, whatever they are called", async () => {
  await using world = await openWorld();
  const { tasks, call } = world;
  const name = "nightly / 밤 100%";
  await tasks.schedule(name, crontab({ minute: 0, hour: 3 }), greet, "Ann", {
    timeZone: "Asia/Seoul",
  });
  const schedules = "/api/admin/tasks/schedules";
  const path = `${schedules}/${encodeURIComponent(name)}`;
  const [listed] = (await call("GET", schedules)).body.schedules;
  assert.deepEqual(
    [listed.name, listed.crontab, listed.time_zone, listed.task, listed.paused, listed.last_at],
    [name, "0 3 * * *", "Asia/Seoul", "greet", false, null],
  );
  assert.equal((await call("PUT", `${path}/pause`)).body.paused, true);
  assert.equal((await call("PUT", `${path}/pause`)).body.paused, true, "idempotent");
  assert.equal((await call("DELETE", `${path}/pause`)).body.paused, false);
  const run = await call("POST", `${path}/runs`);
  assert.equal(run.status, 201);
  assert.equal((await tasks.show(run.body.job))?.input, "Ann");
  assert.equal((await call("GET", schedules)).body.schedules[0].last_job, run.body.job);
  for (const [method, rest] of [["PUT", "pause"], ["DELETE", "pause"], ["POST", "runs"]]) {
    const { status, body } = await call(method!, `${schedules}/none/${rest}`);
    assert.deepEqual([status, body.code], [404, "not_found"]);
    assert.equal((await call(method!, `${schedules}/%00/${rest}`)).status, 400);
  }
});

/** A socket of an operator's, with what came over it. */
async function openSocket(world: World, path: string, headers: Record<string, string> = {}) {
  // deno-lint-ignore no-explicit-any -- tests look into frames of every type
  const frames: any[] = [];
  const socket = new WebSocket(world.server.wsOrigin + path, { headers });
  const closed = Promise.withResolvers<number>();
  socket.on("message", (data) => frames.push(JSON.parse(String(data))));
  socket.on("close", (code) => closed.resolve(code));
  const opened = Promise.withResolvers<void>();
  socket.on("open", opened.resolve);
  socket.on("unexpected-response", (request, response) => {
    opened.reject(new Error(`status ${response.statusCode}`));
    request.destroy();
  });
  socket.on("error", opened.reject);
  await opened.promise;
  return {
    frames,
    socket,
    closed: closed.promise,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed.promise;
    },
  };
}

Deno.test("the live page is told all there is, then what changes, and progress as it comes", async () => {
  await using world = await openWorld();
  const { tasks } = world;
  const deferred = await tasks.delay(greet, "Ann", { in: 3_600_000 });
  await tasks.schedule("nightly", crontab({ hour: 3 }), greet, "Ann");
  await using live = await openSocket(world, "/ws/admin/tasks/");
  const { frames } = live;
  const first = await until(() => frames[0]);
  assert.equal(first.waiting[0].id, deferred.id);
  assert.deepEqual([first.running, first.failed, first.trouble], [[], [], null]);
  assert.equal(first.schedules[0].name, "nightly");

  tasks.work([hang]);
  const running = await tasks.delay(hang, {});
  const seen = await until(() => frames.find(({ running }) => running?.length === 1));
  assert.equal(seen.running[0].id, running.id);
  assert.equal(seen.schedules, undefined, "what has not changed is not told again");
  await until(() => frames.some(({ running }) => running?.[0]?.progress?.fraction === 0.25));
  const from = frames.length;
  await world.call("PUT", `/api/admin/tasks/jobs/${running.id}/cancellation`);
  await until(() => frames.slice(from).some(({ running }) => running?.length === 0));

  await using second = await openSocket(world, "/ws/admin/tasks/");
  const shown = await until(() => second.frames[0]);
  assert.equal(shown.schedules[0].name, "nightly", "who comes later gets all of it at once");
  second.socket.send('{"type": "ping"}');
  await until(() => second.frames.some(({ type }) => type === "pong"));
  second.socket.send("[]");
  assert.equal(await second.closed, 4400);
});

Deno.test("a socket ends with the time that its operator was let in for", async () => {
  await using world = await openWorld({ OPERATOR_TOKEN: TOKEN });
  const operators = new Operators({
    token: TOKEN,
    loopback: true,
    clientAddressHeader: undefined,
    allowedOrigins: [],
    now: () => Date.now() - OPERATOR_SESSION_MS + 1_500,
  });
  const app = new Hono<RequestEnvironment>();
  app.get("/", (c) => c.json(operators.signIn(c)));
  const cookie = (await app.request("/")).headers.get("set-cookie")!.split(";")[0]!;
  await using live = await openSocket(world, "/ws/admin/tasks/", { ...ELSEWHERE, cookie });
  await until(() => live.frames.length > 0);
  // It is told nothing more: the next thing to tell ends it.
  await until(async () => {
    await world.tasks.delay(greet, "Ann", { in: 3_600_000 });
    return live.socket.readyState !== WebSocket.OPEN;
  });
  assert.equal(await live.closed, 4401);
  assert.equal(live.frames.at(-1).code, "not_operator");
});

Deno.test("the example's socket starts its task, follows it, cancels it, and nothing else", async () => {
  await using world = await openWorld();
  const { tasks } = world;
  await using live = await openSocket(world, "/ws/examples/task/");
  const { frames, socket } = live;
  const send = (frame: unknown) => socket.send(JSON.stringify(frame));
  const seen = async (state: string) =>
    await until(() => frames.find((frame) => frame.state === state));
  await until(() => frames[0]?.type === "ready");
  send({ type: "start" });
  const { id } = await seen("waiting");
  assert.deepEqual((await tasks.show(id))?.input, { breaks: false });

  tasks.work([sweepTask, greet], { stopTimeoutMs: 0 });
  await until(() => frames.some(({ progress }) => progress?.fraction > 0));
  await using other = await openSocket(world, "/ws/examples/task/");
  other.socket.send(JSON.stringify({ type: "follow", id }));
  const followed = await until(() => other.frames.find(({ type }) => type === "task"));
  assert.deepEqual([followed.id, followed.state], [id, "running"]);
  assert.ok(followed.progress.fraction > 0, "whoever comes later sees how far it is");
  send({ type: "cancel" });
  await seen("cancelled");
  await until(() => other.frames.some(({ state }) => state === "cancelled"));

  const foreign = await tasks.delay(greet, "Ann");
  for (const id of [crypto.randomUUID(), "no id", foreign.id]) {
    const from = frames.length;
    send({ type: "follow", id });
    const refused = await until(() => frames[from]);
    assert.deepEqual([refused.type, refused.code], ["error", "not_found"], id);
  }
  send({ type: "sweep" });
  assert.equal(await live.closed, 4400);
  assert.deepEqual(world.server.complaints, []);
});

Deno.test("an operator's sockets are an operator's alone, and close with the instance", async () => {
  await using world = await openWorld({ OPERATOR_TOKEN: TOKEN });
  for (const path of ["/ws/admin/tasks/", "/ws/admin/tasks", "/ws/examples/task/"]) {
    await assert.rejects(openSocket(world, path, ELSEWHERE), /status 401/);
    await assert.rejects(openSocket(world, path, { origin: "https://evil.example" }), /status 403/);
    const { status, body } = await world.call("GET", path);
    assert.deepEqual([status, body.code], [400, "invalid"], "no WebSocket");
  }
  const program = { ...ELSEWHERE, authorization: `Bearer ${TOKEN}` };
  await using live = await openSocket(world, "/ws/admin/tasks/", program);
  await until(() => live.frames.length > 0);
  await world.server.stop();
  assert.equal(await live.closed, 4501);
  assert.equal(live.frames.at(-1).code, "going_away");
  assert.deepEqual(world.server.complaints, []);
});
