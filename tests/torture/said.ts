import type { Violation } from "./checker.ts";
import { toldAt } from "./losses.ts";
import type { ClientRecord, Loss, RunRecord, Shown } from "./record.ts";

/** On average everybody says something in this time, or hardly anything was tried. */
const HARDLY_ANYTHING_MS = 6_000;

/** A message, as somebody wanted it to be. */
interface Origin {
  readonly room: string;
  readonly text: string;
  /** What Maru may call whoever said it. */
  readonly senders: readonly string[];
}

/** What programs write is theirs. */
export const SQL_SENDER = "SQL";

/**
 * Holds what is in the rooms against what was said: nothing is dropped in silence, and nothing comes
 * from nowhere, in another room, twice, or with another text. No loss of the database excuses any of
 * that, but for messages that were stored first.
 */
export function checkSaid(run: RunRecord): Violation[] {
  const said = new Map<string, Origin>(
    run.clients.flatMap(({ room, sent, guestNames: senders }) =>
      sent.map(({ id, text }) => [id, { room, text, senders }])
    ),
  );
  const senders = [SQL_SENDER];
  for (const { id, room, text } of run.written) said.set(id, { room, text, senders });
  return [
    ...checkEnough(run),
    ...[...run.stored].flatMap(([room, messages]) => [
      ...checkOrigins(messages, room, said).map((detail) => ({
        rule: "what is stored was said",
        detail,
      })),
      ...checkTexts(room, messages),
    ]),
    ...run.clients.flatMap((client) => checkClient(client, run, said)),
  ];
}

/** A run in which nobody talks keeps every promise and proves none. */
function checkEnough({ clients, stored, talkedMs }: RunRecord): Violation[] {
  const rule = "people talk";
  const count = clients.reduce((sum, { sent }) => sum + sent.length, 0);
  const least = Math.max(1, clients.length * talkedMs / HARDLY_ANYTHING_MS);
  const silent = clients.filter(({ sent }) => sent.length === 0);
  const empty = [...stored].filter(([, messages]) => messages.length === 0);
  return [
    ...count < least
      ? [{ rule, detail: `${count} messages were said, at least ${Math.ceil(least)} expected` }]
      : [],
    ...silent.map(({ name, room }) => ({ rule, detail: `${name} in ${room} said nothing` })),
    ...empty.map(([room]) => ({ rule, detail: `${room} is empty` })),
  ];
}

/** Somebody said each of these, in this room and with this text. */
function checkOrigins(
  messages: readonly Shown[],
  room: string,
  said: ReadonlyMap<string, Origin>,
): string[] {
  const wrong: string[] = [];
  for (const { id, seq, text, sender } of messages) {
    const origin = said.get(id);
    const where = `${room}: ${seq} "${text.slice(0, 30)}"`;
    if (origin === undefined) wrong.push(`${where} was said by nobody`);
    else if (origin.room !== room) wrong.push(`${where} was said in ${origin.room}`);
    else if (origin.text !== text) wrong.push(`${where} was said as "${origin.text}"`);
    else if (!origin.senders.includes(sender)) {
      wrong.push(`${where} was said by ${origin.senders.join(" or ")}, not by ${sender}`);
    }
  }
  return wrong;
}

/** Every text is said once, so it is stored once, whatever its id. */
function checkTexts(room: string, messages: readonly Shown[]): Violation[] {
  return [...Map.groupBy(messages, ({ text }) => text)]
    .filter(([, same]) => same.length > 1)
    .map(([text, same]) => ({
      rule: "stored once",
      detail: `${room}: "${text.slice(0, 30)}" as ${same.map(({ seq }) => seq).join(", ")}`,
    }));
}

function checkClient(
  client: ClientRecord,
  { stored: rooms, losses }: RunRecord,
  said: ReadonlyMap<string, Origin>,
): Violation[] {
  const stored = new Map(rooms.get(client.room)?.map((message) => [message.id, message]));
  const who = `${client.name} in ${client.room}`;
  const say = (rule: string, detail: string): Violation => ({ rule, detail: `${who}: ${detail}` });
  const seen = client.events.flatMap((event) => {
    if (event.kind === "shown") return [event];
    return event.kind === "loaded" ? event.messages : [];
  });
  return [
    ...checkOrigins(seen, client.room, said).map((detail) => say("what is shown was said", detail)),
    ...checkDropped(client, stored).map((detail) => say("nothing is dropped in silence", detail)),
    ...checkOrder(client, stored, losses).map((detail) => say("stored as it was sent", detail)),
  ];
}

/**
 * Whatever is not stored still waits, was refused, or was stored once, as its sender knows: then
 * {@linkcode check} asks whether it may be gone.
 */
function checkDropped(
  { sent, waiting, events }: ClientRecord,
  stored: ReadonlyMap<string, Shown>,
): string[] {
  const known = new Set(waiting);
  for (const event of events) {
    if (event.kind === "acked" || event.kind === "shown") known.add(event.id);
    else if (event.kind === "loaded") { for (const { id } of event.messages) known.add(id); }
  }
  return sent.filter(({ id }) => !stored.has(id) && !known.has(id))
    .map(({ id, text }) => `"${text}" (${id}) is not stored, and nobody was told`);
}

/** What one person said on a socket is stored in the order in which it was said. */
function checkOrder(
  { sent, events }: ClientRecord,
  stored: ReadonlyMap<string, Shown>,
  losses: readonly Loss[],
): string[] {
  const wrong: string[] = [];
  const told = losses.map((loss) => ({ ...loss, toldAt: events[toldAt(events, loss)]?.at ?? 0 }));
  const before: { at: number; seq: number; text: string }[] = [];
  for (const { at, id, text, by } of sent) {
    const kept = stored.get(id);
    if (kept === undefined || by !== "socket") continue;
    // What was lost and said again comes after what was said before one knew.
    const overtaken = before.find((earlier) =>
      earlier.seq > kept.seq &&
      !told.some(({ stoppedAt, toldAt }) => earlier.at <= stoppedAt && at <= toldAt)
    );
    if (overtaken) {
      wrong.push(`"${text}" is ${kept.seq}, "${overtaken.text}" before it ${overtaken.seq}`);
    }
    before.push({ at, seq: kept.seq, text });
  }
  return wrong;
}
