import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { delay } from "../delay.ts";
import { type Fault, NotMadeError, type World } from "../world.ts";

/** Nobody else is in it. */
export const OVERLOAD_ROOM = "overload";

const MESSAGES = 25_000;
const LINES = 250;
const TIMEOUT_MS = 30_000;
const TRIES = 5;
const TRY_AGAIN_MS = 1_000;

/** A program sends more at once than an instance's queue holds: what does not fit is refused. */
export const overload: Fault = async (world) => {
  const lossesBefore = world.database.losses.length;
  let answers = await flood(world);
  // An instance that is just going closes at once.
  for (let n = 1; n < TRIES && answers.closed && answers.acked.length === 0; n++) {
    await delay(TRY_AGAIN_MS);
    answers = await flood(world);
  }
  const { acked, refused, closed } = answers;
  if (acked.length + refused === 0) throw new NotMadeError("Cannot overload: no instance answers");
  if (refused === 0 && !closed) {
    throw new Error(`${MESSAGES} messages at once, and none is refused`);
  }
  const missing = await countMissing(world, acked);
  const doubled = await countDoubled(world);
  if (doubled > 0) throw new Error(`${doubled} messages are stored twice`);
  if (missing > 0 && world.database.losses.length === lossesBefore) {
    throw new Error(`${missing} of ${acked.length} acknowledged messages are not stored`);
  }
  return `${MESSAGES} messages at once: ${acked.length} acknowledged, ${refused} refused` +
    (closed ? ", then the connection was lost" : "");
};

/** Sends everything at once, and waits until each message is answered or the socket is gone. */
async function flood({ cluster }: World) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const acked: string[] = [];
  let refused = 0;
  let closed = false;
  const url = `ws://127.0.0.1:${cluster.ports()[0]}/ws/chat/${OVERLOAD_ROOM}/`;
  const socket = new WebSocket(url, "maru.v1");
  const timer = setTimeout(resolve, TIMEOUT_MS);
  socket.addEventListener("open", () => {
    for (let n = 0; n < MESSAGES; n += LINES) {
      const line = () => {
        const id = crypto.randomUUID();
        return JSON.stringify({ id, message: `flood ${id}` });
      };
      socket.send(Array.from({ length: LINES }, line).join("\n"));
    }
  });
  socket.addEventListener("message", ({ data }) => {
    for (const line of String(data).split("\n")) {
      const frame = JSON.parse(line) as ServerFrame;
      if (frame.type === "ack") acked.push(frame.id);
      else if (frame.type === "error" && frame.id !== undefined) refused++;
    }
    if (acked.length + refused >= MESSAGES) resolve();
  });
  socket.addEventListener("close", () => {
    closed = true;
    resolve();
  });
  socket.addEventListener("error", () => {});
  await promise;
  clearTimeout(timer);
  const answered = acked.length + refused;
  if (!closed && answered < MESSAGES) {
    throw new Error(`${MESSAGES - answered} messages are not answered after ${TIMEOUT_MS} ms`);
  }
  const lost = closed;
  socket.close();
  return { acked, refused, closed: lost };
}

async function countMissing({ database }: World, ids: readonly string[]): Promise<number> {
  const [row] = await database.ask((sql) =>
    sql<{ missing: number }[]>`
      select count(*)::int as missing from json_array_elements_text(${
      JSON.stringify(ids)
    }::text::json) i
      where not exists (
        select from messages m join rooms r on r.id = m.room_id
        where r.key = ${OVERLOAD_ROOM} and m.id = i::uuid and m.body = 'flood ' || i)`
  );
  return row!.missing;
}

/** Each was said once, with a text of its own. */
async function countDoubled({ database }: World): Promise<number> {
  const [row] = await database.ask((sql) =>
    sql<{ doubled: number }[]>`
      select (count(*) - count(distinct m.body))::int as doubled
      from messages m join rooms r on r.id = m.room_id where r.key = ${OVERLOAD_ROOM}`
  );
  return row!.doubled;
}
