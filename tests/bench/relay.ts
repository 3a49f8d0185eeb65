/**
 * The limit that the figures are ratios to: a bare `Deno.upgradeWebSocket` relay in one process,
 * without a database. Each message goes to each member of its room, encoded once.
 *
 * @module
 */
const rooms = new Map<string, { seq: number; members: Set<WebSocket> }>();

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  onListen: () => console.log("ready"),
}, (request) => {
  const { pathname } = new URL(request.url);
  const room = rooms.get(pathname) ?? { seq: 0, members: new Set<WebSocket>() };
  rooms.set(pathname, room);
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => room.members.add(socket);
  socket.onclose = () => room.members.delete(socket);
  socket.onmessage = (event) => {
    const { id, message } = JSON.parse(event.data) as { id: string; message: string };
    const seq = ++room.seq;
    const text = JSON.stringify({
      type: "message",
      position: seq,
      seq,
      version: seq,
      id,
      message,
      sender: { id: "00000000-0000-0000-0000-000000000000", name: "Relay" },
      created_at: new Date().toISOString(),
    });
    for (const member of room.members) member.send(text);
  };
  return response;
});
