// A chat server as Socket.IO's own tutorial builds it, with PostgreSQL for SQLite: a message is
// inserted, then emitted to its room; who comes back is sent what has a higher id. Tuned as its
// documentation says: WebSocket only, bufferutil, no request kept, prepared statements.
const { randomUUID } = require("node:crypto");
const { createServer } = require("node:http");
const { createAdapter: createPostgresAdapter } = require("@socket.io/postgres-adapter");
const { createAdapter: createRedisAdapter } = require("@socket.io/redis-adapter");
const { Redis } = require("ioredis");
const { Pool } = require("pg");
const { Server } = require("socket.io");

const { DATABASE_URL, PORT, REDIS_PORT } = process.env;
const BACKLOG = 4096;

const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
const server = createServer();
const io = new Server(server, {
  transports: ["websocket"],
  serveClient: false,
  adapter: REDIS_PORT === undefined ? overPostgres() : overRedis(Number(REDIS_PORT)),
});

io.engine.on("connection", (socket) => {
  socket.request = null;
});

io.on("connection", async (socket) => {
  const { room, after } = socket.handshake.auth;
  const sender = { id: randomUUID(), name: "Guest" };
  socket.on("message", async ({ id, message }) => {
    const { rows } = await pool.query({
      name: "insert",
      text: `insert into messages (room, client_id, sender_id, sender_name, message)
             values ($1, $2, $3, $4, $5) returning id, created_at`,
      values: [room, id, sender.id, sender.name, message],
    });
    io.to(room).emit(
      "message",
      toEvent({ ...rows[0], client_id: id, message }, sender),
    );
  });
  socket.join(room);
  if (after === null) return;
  const { rows } = await pool.query({
    name: "missed",
    text: "select * from messages where room = $1 and id > $2 order by id",
    values: [room, after],
  });
  for (const row of rows) {
    socket.emit(
      "message",
      toEvent(row, { id: row.sender_id, name: row.sender_name }),
    );
  }
});

server.listen({ port: Number(PORT), host: "127.0.0.1", backlog: BACKLOG });

/** The fields of Maru's messages, so that all peers send the same bytes. */
function toEvent(row, sender) {
  const position = Number(row.id);
  return {
    type: "message",
    position,
    seq: position,
    version: position,
    id: row.client_id,
    message: row.message,
    sender,
    created_at: row.created_at,
  };
}

function overPostgres() {
  return createPostgresAdapter(
    new Pool({ connectionString: DATABASE_URL, max: 10 }),
  );
}

function overRedis(port) {
  const publisher = new Redis({ port, host: "127.0.0.1" });
  return createRedisAdapter(publisher, publisher.duplicate());
}
