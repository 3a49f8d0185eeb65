import assert from "node:assert/strict";
import { check } from "./checker.ts";
import type { ClientEvent, ClientRecord, Loss, RunRecord, Sent, Shown, Written } from "./record.ts";

const SENDERS: Readonly<Record<string, string>> = { m1: "Ari", m3: "Ari", m4: "Bora" };
const message = (seq: number, id = `m${seq}`): Shown => ({
  seq,
  id,
  text: `text of ${id}`,
  sender: SENDERS[id] ?? "SQL",
});
const shown = (seq: number, { id = `m${seq}`, at = seq * 10, epoch = "e1" } = {}): ClientEvent => ({
  kind: "shown",
  at,
  epoch,
  ...message(seq, id),
});
const acked = (seq: number, { id = `m${seq}`, at = seq * 10 } = {}): ClientEvent => ({
  kind: "acked",
  at,
  id,
  seq,
});
const reset = (at: number, reason = "epoch", missed = 0): ClientEvent => ({
  kind: "reset",
  at,
  reason,
  missed,
});
const loaded = (at: number, messages: Shown[]): ClientEvent => ({ kind: "loaded", at, messages });

const said = (seq: number, { id = `m${seq}`, at = seq * 10 - 5 } = {}): Sent => ({
  at,
  id,
  text: `text of ${id}`,
  by: "socket",
});

/** Two people in a room of four messages; Ari said the first and the third, a program the others. */
function goodRun(): Mutable {
  const client = (name: string): MutableClient => ({
    name,
    room: "lobby",
    guestNames: [name],
    events: [1, 2, 3, 4].map((seq) => shown(seq)),
    sent: [],
    screen: [1, 2, 3, 4].map((seq) => message(seq)),
    state: "open",
    waiting: [],
    unsent: [],
    badFrames: [],
  });
  const ari = client("Ari");
  ari.sent = [said(1), said(3)];
  ari.events = [acked(1), shown(1), shown(2), acked(3), shown(3), shown(4)];
  const bora = client("Bora");
  bora.sent = [said(4)];
  const written = ["m2", "m5", "m6"].map((id) => ({ room: "lobby", id, text: `text of ${id}` }));
  return {
    stored: new Map([["lobby", [1, 2, 3, 4].map((seq) => message(seq))]]),
    ari,
    bora,
    written,
    losses: [],
    talkedMs: 6_000,
    settledMs: 500,
  };
}

type MutableClient = { -readonly [Key in keyof ClientRecord]: ClientRecord[Key] };

interface Mutable {
  stored: Map<string, Shown[]>;
  ari: MutableClient;
  bora: MutableClient;
  written: Written[];
  losses: Loss[];
  talkedMs: number;
  settledMs: number | null;
}

function rulesBroken(change: (run: Mutable) => void): string[] {
  const run = goodRun();
  change(run);
  const { ari, bora, ...rest } = run;
  const record: RunRecord = { ...rest, clients: [ari, bora] };
  return [...new Set(check(record).map(({ rule }) => rule))].sort();
}

Deno.test("a good run breaks no rule", () => {
  assert.deepEqual(rulesBroken(() => {}), []);
});

Deno.test("an acknowledged message that is not stored is found", () => {
  const broken = rulesBroken(({ ari }) => {
    ari.events = [...ari.events, acked(5)];
  });
  assert.deepEqual(broken, ["acknowledged is stored"]);
});

Deno.test("a message that is stored elsewhere than acknowledged is found", () => {
  const broken = rulesBroken(({ ari }) => {
    ari.events = [acked(2, { id: "m1" }), ...ari.events];
  });
  assert.deepEqual(broken, ["acknowledged is stored"]);
});

Deno.test("a message that was never shown to somebody is found", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = bora.events.filter((event) => event.kind !== "shown" || event.seq !== 4);
    bora.screen = bora.screen.slice(0, 3);
  });
  assert.deepEqual(broken, ["ends with what is stored", "everything is shown to all"]);
});

Deno.test("a hole in what was shown is found, also when the screen is right in the end", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = bora.events.filter((event) => event.kind !== "shown" || event.seq !== 2);
  });
  assert.deepEqual(broken, ["everything is shown to all", "shown once, in order, no gap"]);
});

Deno.test("a message that is shown twice is found", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = [...bora.events, shown(4)];
    bora.screen = [...bora.screen, message(4)];
  });
  assert.deepEqual(broken, ["ends with what is stored", "shown once, in order, no gap"]);
});

Deno.test("messages that are shown in another order are found", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = [shown(1), shown(3), shown(2), shown(4)];
  });
  assert.deepEqual(broken, ["shown once, in order, no gap"]);
});

Deno.test("two clients that number the messages differently are found", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = [shown(1), shown(2, { id: "m3" }), shown(3, { id: "m2" }), shown(4)];
  });
  assert.deepEqual(broken, ["one order for all", "shown is stored"]);
});

Deno.test("a message that was shown and is not stored is found", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.events = [...bora.events, shown(5)];
  });
  assert.deepEqual(broken, ["shown is stored"]);
});

Deno.test("a message that is shown with another text is found", () => {
  const broken = rulesBroken(({ bora }) => {
    const other = { ...shown(4), text: "something else" } as ClientEvent;
    bora.events = [...bora.events.slice(0, 3), other];
    bora.screen = [...bora.screen.slice(0, 3), { ...message(4), text: "something else" }];
  });
  assert.deepEqual(broken, [
    "ends with what is stored",
    "shown is stored",
    "what is shown was said",
  ]);
});

Deno.test("a gap in the log, and an id that is stored twice, are found", () => {
  assert.ok(
    rulesBroken(({ stored }) => stored.get("lobby")!.splice(1, 1)).includes("seq has no gap"),
  );
  const doubled = ({ stored }: Mutable) => void stored.get("lobby")!.push(message(5, "m1"));
  assert.ok(rulesBroken(doubled).includes("stored once"));
});

Deno.test("a person's messages that were stored in another order than said are found", () => {
  const broken = rulesBroken(({ ari }) => {
    ari.sent = [...ari.sent].reverse();
  });
  assert.deepEqual(broken, ["stored as it was sent"]);
});

Deno.test("who is left disconnected or with unsent messages is found", () => {
  assert.deepEqual(rulesBroken(({ bora }) => bora.state = "waiting"), [
    "nobody is left disconnected",
  ]);
  assert.deepEqual(rulesBroken(({ bora }) => bora.unsent = ["pending"]), [
    "everything that was said is settled",
  ]);
  assert.deepEqual(rulesBroken(({ bora }) => bora.badFrames = ["position 7 after 5"]), [
    "frames are as the protocol says",
  ]);
});

/** Messages 3 and 4 were stored after the copy that came back, and Ari's third was said again. */
function lossyRun(run: Mutable): void {
  run.losses = [{ from: 25, stoppedAt: 45, endedAt: 50 }];
  const now = [message(1), message(2), message(3, "m5")];
  run.stored.set("lobby", now);
  for (const client of [run.ari, run.bora]) {
    client.events = [...client.events, reset(60), loaded(65, now)];
    client.screen = now;
  }
}

Deno.test("what the database lost may be missing when everybody was told", () => {
  assert.deepEqual(rulesBroken(lossyRun), []);
});

Deno.test("a loss that somebody was not told of is found", () => {
  const broken = rulesBroken((run) => {
    lossyRun(run);
    run.bora.events = run.bora.events.filter(({ kind }) => kind !== "reset");
  });
  assert.deepEqual(broken, ["a loss is told to all", "shown is stored"]);
  const behind = rulesBroken((run) => {
    lossyRun(run);
    run.bora.events = run.bora.events.map((event) =>
      event.kind === "reset" ? reset(60, "behind", 501) : event
    );
  });
  assert.deepEqual(behind, ["a loss is told to all", "shown is stored"]);
});

Deno.test("a reset without a reason is found", () => {
  const told = (...resets: ClientEvent[]) =>
    rulesBroken(({ bora }) => {
      bora.events = [...resets, ...bora.events];
    });
  assert.deepEqual(told(reset(1, "behind", 501)), []);
  for (const wrong of [reset(1, "behind", 500), reset(1, "epoch"), reset(1, "ahead")]) {
    assert.deepEqual(told(wrong), ["a reset has its reason"]);
  }
});

Deno.test("a message under somebody else's name is found, stored or shown", () => {
  const another = { ...message(3), sender: "Bora" };
  const stored = rulesBroken((run) => run.stored.get("lobby")![2] = another);
  assert.deepEqual(stored, ["what is stored was said"]);
  const shownSo = rulesBroken(({ bora }) => {
    bora.events = bora.events.map((event) =>
      event.kind === "shown" && event.seq === 3 ? { ...event, sender: "Bora" } : event
    );
  });
  assert.deepEqual(shownSo, ["what is shown was said"]);
});

Deno.test("a loss excuses nothing that was acknowledged before it, or after it", () => {
  const early = rulesBroken((run) => {
    lossyRun(run);
    run.losses = [{ from: 35, stoppedAt: 45, endedAt: 50 }];
  });
  assert.deepEqual(early, ["acknowledged is stored", "shown is stored"]);
  const late = rulesBroken((run) => {
    lossyRun(run);
    run.ari.events = [...run.ari.events, acked(4, { at: 70 })];
  });
  assert.deepEqual(late, ["acknowledged is stored"]);
  const between = rulesBroken((run) => {
    lossyRun(run);
    run.losses = [...run.losses, { from: 80, stoppedAt: 90, endedAt: 95 }];
    run.ari.events = [...run.ari.events, acked(4, { at: 70 }), reset(99)];
  });
  assert.deepEqual(between, ["acknowledged is stored"]);
});

Deno.test("who reads late may be shown what a second loss took, and only of the history before it", () => {
  const late = (run: Mutable, epoch: string) => {
    lossyRun(run);
    run.losses = [...run.losses, { from: 80, stoppedAt: 90, endedAt: 95 }];
    const now = [message(1), message(2), message(3, "m5")];
    run.ari.events = [...run.ari.events, shown(4, { id: "m6", at: 85, epoch: "two" }), reset(99)];
    // He is told of the first loss after the second.
    run.bora.events = [
      ...run.bora.events.slice(0, 4),
      reset(100),
      shown(4, { id: "m6", at: 100, epoch }),
      reset(100),
      loaded(105, now),
    ];
  };
  assert.deepEqual(rulesBroken((run) => late(run, "two")), []);
  assert.deepEqual(rulesBroken((run) => late(run, "three")), ["shown is stored"]);
});

Deno.test("what was lost may be stored again after what was said next, but not later", () => {
  const again = (run: Mutable, at: number) => {
    lossyRun(run);
    const now = [message(1), message(2), message(3, "m5"), message(4, "m3")];
    run.stored.set("lobby", now);
    for (const client of [run.ari, run.bora]) {
      client.screen = now;
      client.events = [...client.events, shown(4, { id: "m3", at: 80 })];
    }
    run.ari.sent = [...run.ari.sent, said(5, { at })];
  };
  assert.deepEqual(rulesBroken((run) => again(run, 55)), []);
  assert.deepEqual(rulesBroken((run) => again(run, 75)), ["stored as it was sent"]);
});

Deno.test("whoever is told, and still shows the old history, is found", () => {
  const broken = rulesBroken((run) => {
    lossyRun(run);
    run.bora.screen = [1, 2, 3, 4].map((seq) => message(seq));
  });
  assert.deepEqual(broken, ["ends with what is stored"]);
});

Deno.test("a message that was said and is dropped in silence is found", () => {
  const dropped = (run: Mutable) => void (run.bora.sent = [...run.bora.sent, said(7)]);
  assert.deepEqual(rulesBroken(dropped), ["nothing is dropped in silence"]);
  const requested = (run: Mutable) =>
    void (run.bora.sent = [...run.bora.sent, { ...said(7), by: "request" }]);
  assert.deepEqual(rulesBroken(requested), ["nothing is dropped in silence"]);
});

Deno.test("a message that still waits or was refused is not dropped, but left unsettled", () => {
  const broken = rulesBroken(({ bora }) => {
    bora.sent = [...bora.sent, said(7)];
    bora.waiting = ["m7"];
    bora.unsent = ["failed too_long"];
  });
  assert.deepEqual(broken, ["everything that was said is settled"]);
});

Deno.test("a message that its sender saw and the database lost is not dropped in silence", () => {
  const lost = (run: Mutable, seen: ClientEvent[]) => {
    lossyRun(run);
    run.ari.sent = [...run.ari.sent, said(7, { at: 40 })];
    const [end, again] = run.ari.events.slice(-2);
    run.ari.events = [...run.ari.events.slice(0, -2), ...seen, end!, again!];
  };
  assert.deepEqual(rulesBroken((run) => lost(run, [acked(5, { id: "m7", at: 43 })])), []);
  assert.deepEqual(rulesBroken((run) => lost(run, [])), ["nothing is dropped in silence"]);
});

Deno.test("a text that is stored twice, under two ids, is found", () => {
  const twice = { ...message(5), text: "text of m1" };
  const broken = rulesBroken((run) => {
    run.written = [...run.written, { room: "lobby", id: "m5", text: twice.text }];
    run.stored.get("lobby")!.push(twice);
    for (const client of [run.ari, run.bora]) {
      client.events = [...client.events, { kind: "shown", at: 50, epoch: "e1", ...twice }];
      client.screen = [...client.screen, twice];
    }
  });
  assert.deepEqual(broken, ["stored once"]);
});

Deno.test("a message that is stored in another room than it was said in is found", () => {
  const broken = rulesBroken((run) => {
    run.written = [...run.written, { room: "garden", id: "m2", text: "text of m2" }];
  });
  assert.deepEqual(broken, ["what is shown was said", "what is stored was said"]);
  const elsewhere = rulesBroken((run) => void run.stored.set("garden", [message(1)]));
  assert.deepEqual(elsewhere, ["what is stored was said"]);
});

Deno.test("a message that nobody said is found, stored or loaded, also where a loss hides it", () => {
  const stored = rulesBroken((run) => {
    run.written = run.written.filter(({ id }) => id !== "m2");
  });
  assert.deepEqual(stored, ["what is shown was said", "what is stored was said"]);
  const loadedOnly = rulesBroken((run) => {
    lossyRun(run);
    const { events } = run.bora;
    run.bora.events = [
      ...events.slice(0, 4),
      loaded(45, [message(4), message(5, "m9")]),
      ...events.slice(4),
    ];
  });
  assert.deepEqual(loadedOnly, ["what is shown was said"]);
});

Deno.test("a loaded history with a message that is not stored, or not in order, is found", () => {
  const load = (messages: Shown[]) => (run: Mutable) =>
    void (run.bora.events = [...run.bora.events, loaded(50, messages)]);
  assert.deepEqual(rulesBroken(load([message(3), message(4)])), []);
  assert.deepEqual(rulesBroken(load([message(4), message(5)])), ["loaded is stored"]);
  assert.deepEqual(rulesBroken(load([message(4), message(3)])), ["loaded is stored"]);
  assert.deepEqual(rulesBroken(load([message(2), message(4)])), ["loaded is stored"]);
  assert.deepEqual(rulesBroken(load([{ ...message(4), text: "something else" }])), [
    "loaded is stored",
    "what is shown was said",
  ]);
});

Deno.test("a loaded history may be lost when its reader is told, and not after that", () => {
  const load = (run: Mutable, at: number) => {
    lossyRun(run);
    const old = loaded(at, [message(3), message(4)]);
    run.bora.events = [...run.bora.events, old].toSorted((a, b) => a.at - b.at);
  };
  assert.deepEqual(rulesBroken((run) => load(run, 45)), []);
  assert.deepEqual(rulesBroken((run) => load(run, 70)), ["loaded is stored"]);
});

Deno.test("a run in which hardly anything was said proves nothing", () => {
  assert.deepEqual(rulesBroken((run) => run.talkedMs = 600_000), ["people talk"]);
  assert.deepEqual(rulesBroken((run) => void run.stored.set("garden", [])), ["people talk"]);
  const empty = { written: [], losses: [], talkedMs: 60_000, settledMs: 0 };
  const broken = check({ ...empty, stored: new Map(), clients: [] });
  assert.deepEqual(broken.map(({ rule }) => rule), ["people talk"]);
});

Deno.test("a run that never settled is found", () => {
  assert.deepEqual(rulesBroken((run) => run.settledMs = null), ["everything settles"]);
});
