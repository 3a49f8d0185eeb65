import assert from "node:assert/strict";
import postgres from "postgres";
import { postgresChannelLayer } from "../../src/channels/mod.ts";
import { answeredState, Connection } from "../../src/channels/postgres/connection.ts";
import { PostgresQueueStore } from "../../src/channels/postgres/queue_store.ts";
import { createTestDatabase } from "../support/database.ts";

Deno.test("a statement that the server breaks off takes no other along, and leaves no gap", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  const broken = assert.rejects(
    connection.run((sql) => sql`select 10000 / (3000 - i) from generate_series(1, 5000) i`),
    /division by zero/,
  );
  const waiting = connection.run((sql) =>
    sql`select n, pg_sleep(0.1) from generate_series(7, 8) n`
  );
  await broken;
  assert.deepEqual((await waiting).map((row) => row["n"]), [7, 8]);
  await connection.close();
});

Deno.test("what waits for its turn does not fail for having waited", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  // Longer than a statement may take, all together.
  const order: number[] = [];
  const sleeps = Array.from(
    { length: 60 },
    (_, n) => connection.run((sql) => sql`select pg_sleep(0.1), ${n}`).then(() => order.push(n)),
  );
  await Promise.all(sleeps);
  assert.deepEqual(order, sleeps.map((_, n) => n));
  await connection.close();
});

Deno.test("what had not begun when the connection failed goes on, on the next one", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  const server = async () =>
    (await connection.run((sql) => sql`select pg_backend_pid() as pid`))[0]!["pid"];
  const before = await server();
  const broken = assert.rejects(
    connection.run((sql) => sql`select pg_terminate_backend(pg_backend_pid())`),
  );
  const others = await Promise.allSettled(Array.from({ length: 60 }, server));
  await broken;
  const answers = others.flatMap((other) => other.status === "fulfilled" ? [other.value] : []);
  assert.ok(answers.length >= 40, `${answers.length} of 60`);
  assert.equal(new Set(answers).size, 1);
  assert.ok(!answers.includes(before));
  await connection.close();
});

Deno.test("what waits for a server that never answers fails with what was tried", async () => {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let visits = 0;
  const serving = (async () => {
    for await (const socket of server) {
      visits++;
      await socket.read(new Uint8Array(1024));
      await socket.write(errorResponse({ S: "FATAL", V: "FATAL", C: "57P03", M: "starting up" }));
      socket.close();
    }
  })();
  const url = `postgres://ann@127.0.0.1:${server.addr.port}/maru`;
  const connection = new Connection({ url }, "maru-test");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1_000 }, () => connection.run((sql) => sql`select`)),
  );
  for (const outcome of outcomes) {
    assert.match(`${(outcome as PromiseRejectedResult).reason}`, /starting up/);
  }
  assert.equal(visits, 1);
  await assert.rejects(connection.run((sql) => sql`select`), "it tries again when asked again");
  assert.equal(visits, 2);
  await connection.close();
  server.close();
  await serving;
});

Deno.test("closing ends what waits for its turn, and nothing begins any more", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  const run = () => connection.run((sql) => sql`select pg_sleep(60)`);
  const outcomes = Promise.allSettled(Array.from({ length: 1_000 }, run));
  await connection.close();
  const reasons = (await outcomes).map((outcome) => `${(outcome as PromiseRejectedResult).reason}`);
  const waited = reasons.filter((reason) => /Cannot query: the connection is closed/.test(reason));
  assert.ok(waited.length > 900, [...new Set(reasons)].join());
  await assert.rejects(run(), /Cannot query: the connection is closed/);
});

Deno.test("closing lets what waits have its turn, where there is time", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  await connection.run((sql) => sql`select`);
  const answers = Array.from({ length: 40 }, () => connection.run((sql) => sql`select`));
  await connection.close();
  await Promise.all(answers);
});

Deno.test("presence is written before a backlog of messages to queues", async () => {
  await using db = await createTestDatabase();
  const connection = new Connection({ url: db.url }, "maru-test");
  const order: string[] = [];
  const run = (name: string, first: boolean) =>
    connection.run((sql) => sql`select`, { first }).then(() => order.push(name));
  await Promise.all([
    ...Array.from({ length: 100 }, () => run("backlog", false)),
    run("first", true),
  ]);
  assert.ok(order.indexOf("first") <= 16, `${order.indexOf("first")}`);
  await connection.close();
});

Deno.test("all connections take over how the database is reached", async () => {
  await using db = await createTestDatabase();
  const { hostname, port, pathname } = new URL(db.url);
  const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await db.sql.unsafe(`create role ${role} superuser login`);
  const connection = { host: hostname, port: Number(port), username: role };
  {
    // Nobody is there.
    await using layer = await postgresChannelLayer({
      url: `postgres://nobody@127.0.0.1:1${pathname}`,
      connection,
    });
    await layer.groupAdd("g", layer.newChannel());
    assert.equal((await layer.presence("g")).length, 1);
    const rows = await db.sql`
      select application_name as name from pg_stat_activity
      where usename = ${role} and datname = current_database() order by name`;
    assert.deepEqual(rows.map(({ name }) => name), [
      "maru-channels",
      "maru-listener",
      "maru-notify",
    ]);
  }
  await db.sql.unsafe(`drop role ${role}`);
});

/** A server that asks for a password; resolves with what the client says first, or answers. */
async function askOnce(server: Deno.TcpListener, { password }: { password: boolean }) {
  using socket = await server.accept();
  // Whoever comes again finds nobody.
  server.close();
  const bytes = new Uint8Array(1024);
  const length = (await socket.read(bytes))!;
  if (!password) return bytes.slice(0, length);
  // AuthenticationCleartextPassword
  await socket.write(new Uint8Array([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
  const answered = (await socket.read(bytes))!;
  return bytes.slice(0, answered);
}

Deno.test("ssl and a password that is a function are used", async () => {
  const kinds = [
    // SSLRequest
    [{ ssl: "require" }, new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47])],
    // PasswordMessage
    [{ password: () => "token" }, new TextEncoder().encode("p\0\0\0\ntoken\0")],
  ] as const;
  for (const [connection, expected] of kinds) {
    const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const url = `postgres://ann@127.0.0.1:${server.addr.port}/maru`;
    const opened = new Connection({ url, connection }, "maru-test");
    const failed = assert.rejects(opened.run((sql) => sql`select`));
    assert.deepEqual(await askOnce(server, { password: "password" in connection }), expected);
    await failed;
    await opened.close();
  }
});

Deno.test("an error that breaks off is known for one in any language, and where it has but one", async () => {
  const severities = [
    { S: "치명적오류", V: "FATAL", state: "" },
    { S: "오류", V: "ERROR", state: "57P01" },
    // PgBouncer's own
    { S: "FATAL", state: "" },
  ];
  for (const { state, ...severity } of severities) {
    const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const url = `postgres://ann@127.0.0.1:${server.addr.port}/maru`;
    const opened = new Connection({ url }, "maru-test");
    const failed = assert.rejects(opened.run((sql) => sql`select`), (error) => {
      assert.equal((error as { code?: string }).code, "57P01");
      assert.equal(answeredState(error), state, JSON.stringify(severity));
      return true;
    });
    using socket = await server.accept();
    server.close();
    await socket.read(new Uint8Array(1024));
    await socket.write(errorResponse({ ...severity, C: "57P01", M: "no" }));
    await failed;
    await opened.close();
  }
});

/** As a server says it: each field begins with its letter. */
function errorResponse(fields: Readonly<Record<string, string>>): Uint8Array {
  const body = Object.entries(fields).map(([letter, text]) => `${letter}${text}\0`).join("") + "\0";
  const content = new TextEncoder().encode(body);
  const message = new Uint8Array(5 + content.length);
  message[0] = "E".charCodeAt(0);
  new DataView(message.buffer).setInt32(1, 4 + content.length);
  message.set(content, 5);
  return message;
}

Deno.test("no option of the caller's changes what the statements mean", async () => {
  await using db = await createTestDatabase();
  const heard: unknown[] = [];
  const hear = (...what: unknown[]) => {
    heard.push(what);
  };
  for (const transform of [postgres.camel, postgres.toPascal, postgres.toKebab]) {
    const types = {
      json: { to: 114, from: [114, 25], serialize: () => "broken", parse: () => "broken" },
      float: { to: 701, from: [701, 23], serialize: () => "1", parse: () => "broken" },
    };
    const connection = {
      transform,
      types,
      fetch_types: true,
      max: 7,
      debug: hear,
      onnotice: hear,
      onclose: hear,
      connect_timeout: 0.001,
      max_lifetime: 0.001,
      idle_timeout: 0.001,
    } as unknown as NonNullable<ConstructorParameters<typeof Connection>[0]["connection"]>;
    await db.sql`drop schema channels cascade`;
    await using layer = await postgresChannelLayer({ url: db.url, connection });
    await using queues = new PostgresQueueStore(
      new Connection({ url: db.url, connection }, "maru-test"),
    );
    await layer.send("queue", { n: 1 });
    await queues.putBack("queue", await queues.take("queue", 1));
    assert.deepEqual(await layer.receive("queue"), { n: 1 });
    const channel = layer.newChannel();
    await layer.groupAdd("g", channel, { info: { name: "Ann" } });
    const [ann] = await layer.presence("g");
    assert.deepEqual([ann!.channel, ann!.info], [channel, { name: "Ann" }]);
    assert.ok(Math.abs(ann!.since.getTime() - Date.now()) < 60_000);
  }
  assert.deepEqual(heard, []);
});
