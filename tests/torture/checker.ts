import { toldAt, wentBack } from "./losses.ts";
import type { ClientEvent, ClientRecord, Loss, RunRecord, Shown } from "./record.ts";
import { checkSaid } from "./said.ts";

/** Something that must not be. */
export interface Violation {
  /** Which promise is broken. */
  readonly rule: string;
  readonly detail: string;
}

/**
 * Holds a run against what Maru promises. It knows nothing of how Maru works: only what was said,
 * what everybody was told and shown, and what the database keeps.
 *
 * Where the database itself went back, what was stored since may be missing, if whoever saw it was
 * told `reset` afterwards, with everybody else in the room.
 */
export function check(run: RunRecord): Violation[] {
  return [
    ...run.settledMs === null ? [{ rule: "everything settles", detail: "it never did" }] : [],
    ...checkSaid(run),
    ...[...run.stored].flatMap(([room, messages]) => checkStored(room, messages)),
    ...run.clients.flatMap((client) => checkClient(client, run)),
    ...[...run.stored.keys()].flatMap((room) => checkRoom(room, run)),
  ];
}

/** The log of a room: no gap, no id twice. */
function checkStored(room: string, messages: readonly Shown[]): Violation[] {
  const violations: Violation[] = [];
  const ids = new Set<string>();
  for (const [index, { seq, id }] of messages.entries()) {
    if (seq !== index + 1) {
      violations.push({ rule: "seq has no gap", detail: `${room}: ${seq} in place ${index + 1}` });
      break;
    }
    if (ids.has(id)) violations.push({ rule: "stored once", detail: `${room}: ${id}` });
    ids.add(id);
  }
  return violations;
}

function checkClient(client: ClientRecord, run: RunRecord): Violation[] {
  const stored = run.stored.get(client.room) ?? [];
  const who = `${client.name} in ${client.room}`;
  const say = (rule: string, detail: string): Violation => ({ rule, detail: `${who}: ${detail}` });
  const byId = new Map(stored.map((message) => [message.id, message]));
  return [
    ...client.state === "open" ? [] : [say("nobody is left disconnected", client.state)],
    ...client.unsent.map((why) => say("everything that was said is settled", why)),
    ...client.badFrames.map((fault) => say("frames are as the protocol says", fault)),
    ...checkStream(client, run.losses).map((detail) => say("shown once, in order, no gap", detail)),
    ...checkResets(client, run.losses).map((detail) => say("a reset has its reason", detail)),
    ...checkTruth(client, byId, run).map(([rule, detail]) => say(rule, detail)),
    ...checkLoaded(client, byId, run).map((detail) => say("loaded is stored", detail)),
    ...checkScreen(client.screen, stored).map((detail) => say("ends with what is stored", detail)),
    ...checkCoverage(client, stored).map((detail) => say("everything is shown to all", detail)),
  ];
}

/** What was shown live between two resets follows one on the other, and never comes twice. */
function checkStream({ events }: ClientRecord, losses: readonly Loss[]): string[] {
  const wrong: string[] = [];
  let last: { seq: number; at: number } | null = null;
  let seen = new Set<string>();
  for (const event of events) {
    if (event.kind === "reset") {
      last = null;
      seen = new Set();
    }
    if (event.kind !== "shown") continue;
    if (last !== null && event.seq !== last.seq + 1) {
      wrong.push(`seq ${event.seq} after ${last.seq}`);
    }
    // What was stored, lost and stored again is shown again.
    if (last !== null && losses.some((loss) => wentBack(loss, last!.at, event.at))) {
      seen = new Set();
    }
    if (seen.has(event.id)) wrong.push(`${event.id} came twice, again as seq ${event.seq}`);
    seen.add(event.id);
    last = event;
  }
  return wrong;
}

/** Whoever missed so many entries, or fewer, is shown them: docs/protocol.md. */
const RESUME_MAX_ENTRIES = 500;

/** Only what was lost, or missed in large numbers, has to be loaded anew. */
function checkResets({ events }: ClientRecord, losses: readonly Loss[]): string[] {
  return events.flatMap((event) => {
    if (event.kind !== "reset") return [];
    const { at, reason, missed } = event;
    const isJust = reason === "behind"
      ? missed > RESUME_MAX_ENTRIES
      : reason !== "retention" && losses.some(({ from }) => from <= at);
    return isJust ? [] : [`"${reason}" with ${missed} missed, ${new Date(at).toJSON()}`];
  });
}

/** What was acknowledged or shown is stored, in that place, unless the database lost it. */
function checkTruth(
  { events }: ClientRecord,
  stored: ReadonlyMap<string, Shown>,
  { losses, clients }: RunRecord,
): [rule: string, detail: string][] {
  const wrong: [string, string][] = [];
  for (const [index, event] of events.entries()) {
    if (event.kind !== "acked" && event.kind !== "shown") continue;
    const kept = stored.get(event.id);
    if (kept !== undefined && kept.seq === event.seq && sameText(event, kept)) continue;
    const excused = mayBeLost(events, index, losses) ||
      losses.some((loss) => loss.from <= event.at && isOldNews(events, index, loss, clients));
    if (excused) continue;
    const what = kept === undefined
      ? `${event.id} (seq ${event.seq}) is not stored`
      : `${event.id} came as seq ${event.seq} and is stored as ${kept.seq}`;
    wrong.push([event.kind === "acked" ? "acknowledged is stored" : "shown is stored", what]);
  }
  return wrong;
}

/** Whether an event speaks of a history that was lost, and its client was told so afterwards. */
function mayBeLost(
  events: readonly ClientEvent[],
  index: number,
  losses: readonly Loss[],
): boolean {
  return losses.some((loss) => loss.from <= events[index]!.at && index < toldAt(events, loss));
}

/**
 * Who reads late may be told of an earlier loss after a later one, and then still be shown what that
 * one takes away: of a history that somebody had seen before it, and with a reset to come.
 */
function isOldNews(
  events: readonly ClientEvent[],
  index: number,
  loss: Loss,
  clients: readonly ClientRecord[],
): boolean {
  const event = events[index]!;
  if (event.kind !== "shown" || toldAt(events, loss, index) < 0) return false;
  return clients.some(({ events }) =>
    events.some((seen) =>
      seen.kind === "shown" && seen.epoch === event.epoch && seen.at < loss.stoppedAt
    )
  );
}

function sameText(event: ClientEvent, kept: Shown): boolean {
  return event.kind !== "shown" || event.text === kept.text;
}

/** History that was loaded is an unbroken run of what is stored, unless the database lost it. */
function checkLoaded(
  { events }: ClientRecord,
  stored: ReadonlyMap<string, Shown>,
  { losses }: RunRecord,
): string[] {
  const wrong: string[] = [];
  for (const [index, event] of events.entries()) {
    if (event.kind !== "loaded") continue;
    const { messages } = event;
    const broken = messages.find(({ seq }, n) => n > 0 && seq !== messages[n - 1]!.seq + 1);
    const phantom = messages.find((message) => !same(message, stored.get(message.id)));
    if ((broken ?? phantom) === undefined || mayBeLost(events, index, losses)) continue;
    if (broken) wrong.push(`${describe(broken)} comes out of order`);
    if (phantom) wrong.push(`${describe(phantom)} is not stored so`);
  }
  return wrong;
}

/** The screen shows the newest messages, all of them from the first that it shows. */
function checkScreen(screen: readonly Shown[], stored: readonly Shown[]): string[] {
  const first = screen[0];
  if (first === undefined) return stored.length === 0 ? [] : ["it shows nothing"];
  const expected = stored.slice(first.seq - 1);
  const at = expected.findIndex((message, n) => !same(message, screen[n]));
  if (at >= 0) {
    return [`it shows ${describe(screen[at])} where ${describe(expected[at])} is stored`];
  }
  return screen.length > expected.length
    ? [`it shows ${describe(screen[expected.length])}, which is not stored`]
    : [];
}

function same(a: Shown, b: Shown | undefined): boolean {
  return b !== undefined && a.seq === b.seq && a.id === b.id && a.text === b.text;
}

function describe(message: Shown | undefined): string {
  return message === undefined ? "nothing" : `${message.seq} "${message.text.slice(0, 30)}"`;
}

/** Live or by loading the history: nothing that is stored was kept from anybody. */
function checkCoverage({ events }: ClientRecord, stored: readonly Shown[]): string[] {
  const shown = new Set<string>();
  for (const event of events) {
    if (event.kind === "shown") shown.add(event.id);
    else if (event.kind === "loaded") { for (const { id } of event.messages) shown.add(id); }
  }
  const missing = stored.filter(({ id }) => !shown.has(id));
  return missing.length === 0
    ? []
    : [`${missing.length} were never shown, the first is ${describe(missing[0])}`];
}

/** What concerns all the people of a room together. */
function checkRoom(room: string, run: RunRecord): Violation[] {
  const clients = run.clients.filter((client) => client.room === room);
  return [...checkTold(room, clients, run), ...checkAgreement(room, clients, run.losses)];
}

/** Where somebody's message was lost, everybody in the room was told. */
function checkTold(room: string, clients: readonly ClientRecord[], run: RunRecord): Violation[] {
  const stored = new Map(run.stored.get(room)?.map((message) => [message.id, message]));
  const violations: Violation[] = [];
  for (const loss of run.losses) {
    const hurt = clients.some(({ events }) =>
      events.some((event) =>
        (event.kind === "acked" || event.kind === "shown") &&
        event.at >= loss.from && event.at <= loss.stoppedAt &&
        stored.get(event.id)?.seq !== event.seq
      )
    );
    if (!hurt) continue;
    for (const { name, events } of clients) {
      if (toldAt(events, loss) < 0) {
        const detail = `${name} in ${room} was told nothing of ${
          new Date(loss.stoppedAt).toJSON()
        }`;
        violations.push({ rule: "a loss is told to all", detail });
      }
    }
  }
  return violations;
}

/** Before the database went back, a place in a history had one message, whoever was looking. */
function checkAgreement(
  room: string,
  clients: readonly ClientRecord[],
  losses: readonly Loss[],
): Violation[] {
  const began = new Map<string, number>();
  const shown = clients.flatMap(({ events }) => events.filter((event) => event.kind === "shown"));
  for (const { epoch, at } of shown) began.set(epoch, Math.min(began.get(epoch) ?? at, at));
  const ends = (epoch: string) =>
    Math.min(
      ...losses.map(({ stoppedAt }) => stoppedAt).filter((at) => at > began.get(epoch)!),
      Infinity,
    );
  const places = new Map<string, string>();
  for (const { epoch, seq, id, at } of shown) {
    if (at >= ends(epoch)) continue;
    const place = `${epoch} ${seq}`;
    if ((places.get(place) ?? id) !== id) {
      return [{ rule: "one order for all", detail: `${room}: two messages as seq ${seq}` }];
    }
    places.set(place, id);
  }
  return [];
}
