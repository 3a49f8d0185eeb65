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
