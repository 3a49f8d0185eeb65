import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Entry } from "../../src/chat/entry.ts";
import { Hub, type HubContext, type HubMember } from "../../src/chat/hub.ts";
import { historyTag } from "../../src/chat/hint.ts";
import type { LogPage } from "../../src/chat/room_log.ts";
import { Run, toRuns } from "../../src/chat/run.ts";

function entry(position: number): Entry {
  return {
    position,
    seq: position,
    version: position,
    id: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
    text: `text ${position}`,
    sender: { id: "a", name: "A" },
    createdAt: new Date(0),
  };
}

/** Of the history that a world begins with. */
const TAG = historyTag("h");

const entries = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i)) as [Entry, ...Entry[]];

/** A log that a test writes to, and a hub on it whose turns the test ends. */
class World implements HubContext {
  head = 0;
  firstPosition = 1;
  history = "h";
  reads = 0;
  deleted = false;
  errors: unknown[] = [];
  broken = false;
  #deferred: (() => void)[] = [];

  // deno-lint-ignore require-await -- the log is asynchronous
  async read(_roomId: number, after: number): Promise<LogPage | null> {
    this.reads++;
    if (this.broken) throw new Error("no database");
    if (this.deleted) return null;
    return {
      entries: after >= this.head
        ? []
        : entries(Math.max(after + 1, this.firstPosition), this.head),
      head: this.head,
      firstPosition: this.firstPosition,
      lastSeq: this.head,
      accessVersion: 1,
      history: this.history,
    };
  }

  gapWaitMs = (_waitedMs: number) => 0;
  defer = (callback: () => void) => void this.#deferred.push(callback);
  onError = (_: string, error: unknown) => void this.errors.push(error);

  /** Ends the turn, and lets reads finish. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await Promise.resolve();
      for (const callback of this.#deferred.splice(0)) callback();
    }
  }
}

class Listener implements HubMember {
  readonly userId = "a";
  readonly joined = true;
  position: number;
  frames: Uint8Array[] = [];
  resets: string[] = [];
  gone = false;

  constructor(position: number) {
    this.position = position;
  }

  get positions(): number[] {
    return this.frames.flatMap((frame) => {
      // The length in the header may look like any character.
      const header = frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10;
      const text = new TextDecoder().decode(frame.subarray(header));
      return text.split("\n").map((line) => JSON.parse(line).position);
    });
  }

  send = (frame: Uint8Array) => void this.frames.push(frame);
  reset = (reason: string) => void this.resets.push(reason);
  roles: (string | null)[] = [];
  accessChanged = (_: unknown, role: string | null) => void this.roles.push(role);
  renamed = () => {};
  roomDeleted = () => void (this.gone = true);
}

async function openHub(head: number) {
  const world = new World();
  world.head = head;
  const hub = new Hub(1, world);
  await hub.open();
  const member = new Listener(head);
  hub.join(member);
  return { world, hub, member };
}

Deno.test("entries are given in order, once, whatever order, copies and gaps the hints have", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 4 }), fc.boolean()), {
        maxLength: 25,
      }),
      async (total, hints) => {
        const { world, hub, member } = await openHub(0);
        world.head = total;
        for (const [start, length, endTurn] of hints) {
          const from = start % total + 1;
          hub.offer(Run.of(entries(from, Math.min(total, from + length - 1))), TAG);
          if (endTurn) await world.settle();
        }
        hub.catchUp(total);
        await world.settle();
        assert.deepEqual(member.positions, Array.from({ length: total }, (_, i) => i + 1));
        hub.close();
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("what is told while the hub opens is not lost", async () => {
  const world = new World();
  world.head = 3;
  const hub = new Hub(1, world);
  const opening = hub.open();
  hub.offer(Run.of(entries(4, 5)), TAG);
  await opening;
  assert.equal(hub.position, 5);
});

Deno.test("what became ready in one turn is one frame, encoded once for all", async () => {
  const { world, hub, member } = await openHub(0);
  const other = new Listener(0);
  hub.join(other);
  hub.offer(Run.of(entries(1, 2)), TAG);
  hub.offer(Run.of(entries(3, 3)), TAG);
  await world.settle();
  assert.equal(member.frames.length, 1);
  assert.equal(member.frames[0], other.frames[0], "the very same bytes");
});

Deno.test("a member that is ahead is not given again what it has", async () => {
  const { world, hub } = await openHub(0);
  const ahead = new Listener(2);
  hub.join(ahead);
  hub.offer(Run.of(entries(1, 3)), TAG);
  await world.settle();
  assert.deepEqual(ahead.positions, [3]);
});

Deno.test("a hint of what was never committed is forgotten, and read for once", async () => {
  const { world, hub, member } = await openHub(1);
  hub.offer(Run.of(entries(9, 9)), TAG);
  await world.settle();
  const { reads } = world;
  await world.settle();
  assert.equal(world.reads, reads, "it does not read on and on");
  world.head = 2;
  hub.offer(Run.of(entries(2, 2)), TAG);
  await world.settle();
  assert.deepEqual(member.positions, [2]);
});

Deno.test("a gap that closes by itself is not read; one that stays is, when patience ends", async () => {
  const { world, hub, member } = await openHub(0);
  world.head = 3;
  const { reads } = world;
  const asked: number[] = [];
  const patient = Promise.withResolvers<void>();
  world.gapWaitMs = (waitedMs) => {
    asked.push(waitedMs);
    if (waitedMs < 2) return 1;
    patient.resolve();
    return 0;
  };
  hub.offer(Run.of(entries(2, 2)), TAG);
  hub.offer(Run.of(entries(1, 1)), TAG);
  await world.settle();
  assert.deepEqual([member.positions, world.reads], [[1, 2], reads]);
  hub.offer(Run.of(entries(4, 4)), TAG);
  world.head = 4;
  await patient.promise;
  await world.settle();
  assert.deepEqual(asked, [0, 0, 1, 2]);
  assert.deepEqual([member.positions, world.reads], [[1, 2, 3, 4], reads + 1]);
});

Deno.test("a gap that opened while another one closed has its own time", async () => {
  const { world, hub, member } = await openHub(0);
  world.head = 4;
  const asked: number[] = [];
  const again = Promise.withResolvers<void>();
  world.gapWaitMs = (waitedMs) => {
    if (asked.push(waitedMs) === 2) again.resolve();
    return asked.length < 3 ? 1 : 0;
  };
  hub.offer(Run.of(entries(4, 4)), TAG);
  hub.offer(Run.of(entries(2, 2)), TAG);
  hub.offer(Run.of(entries(1, 1)), TAG);
  await again.promise;
  assert.deepEqual(asked, [0, 0], "it waits for 3 now, not for 1");
  hub.offer(Run.of(entries(3, 3)), TAG);
  await world.settle();
  assert.deepEqual(member.positions, [1, 2, 3, 4]);
});

Deno.test("what comes ahead of a gap is not forgotten for a shorter copy of it", async () => {
  const { world, hub, member } = await openHub(0);
  world.gapWaitMs = () => 60_000;
  hub.offer(Run.of(entries(2, 10)), TAG);
  hub.offer(Run.of(entries(2, 2)), TAG);
  hub.offer(Run.of(entries(1, 1)), TAG);
  await world.settle();
  assert.deepEqual(member.positions, Array.from({ length: 10 }, (_, i) => i + 1));
});

Deno.test("what does not fit ahead of a gap is read from the log", async () => {
  const { world, hub, member } = await openHub(0);
  world.gapWaitMs = () => 60_000;
  world.head = 1_100;
  for (let position = 2; position <= 1_100; position++) {
    hub.offer(Run.of(entries(position, position)), TAG);
  }
  hub.offer(Run.of(entries(1, 1)), TAG);
  await world.settle();
  assert.deepEqual(member.positions, Array.from({ length: 1_100 }, (_, i) => i + 1));
  hub.close();
});

Deno.test("what does not fit while the hub opens is read from the log", async () => {
  const world = new World();
  world.head = 1;
  const hub = new Hub(1, world);
  const opening = hub.open();
  world.head = 1_200;
  for (let position = 2; position <= 1_200; position++) {
    hub.offer(Run.of(entries(position, position)), TAG);
  }
  await opening;
  await world.settle();
  assert.equal(hub.position, 1_200);
});

Deno.test("a gap that cannot be read is read at the next sweep", async () => {
  const { world, hub, member } = await openHub(0);
  world.head = 2;
  world.broken = true;
  hub.catchUp(2);
  await world.settle();
  assert.equal(world.errors.length, 1);
  world.broken = false;
  hub.catchUp(2);
  await world.settle();
  assert.deepEqual(member.positions, [1, 2]);
});

Deno.test("a new history resets everybody; a deleted room says goodbye", async () => {
  const { world, hub, member } = await openHub(5);
  hub.restart("epoch", "other", 2);
  assert.deepEqual([member.resets, member.position, hub.epoch], [["epoch"], 2, "other.1"]);
  world.history = "other";
  world.deleted = true;
  hub.catchUp(3);
  await world.settle();
  assert.ok(member.gone);
});

Deno.test("what is told late of a history that is over is not shown in the next one", async () => {
  const { world, hub, member } = await openHub(5);
  hub.restart("epoch", "other", 2);
  world.history = "other";
  assert.equal(hub.offer(Run.of(entries(3, 5)), TAG), false);
  assert.equal(hub.offer(Run.of(entries(4, 5)), TAG), false, "nor is it kept ahead of a gap");
  assert.ok(hub.offer(Run.of(entries(3, 3)), historyTag("other")));
  await world.settle();
  assert.deepEqual([member.positions, hub.position], [[3], 3]);
});

Deno.test("of two histories told while the hub opens, the log says which is its own", async () => {
  for (const lostFirst of [true, false]) {
    const world = new World();
    world.head = 3;
    const hub = new Hub(1, world);
    const opening = hub.open();
    const told = [
      () => hub.offer(Run.of(entries(4, 5)), TAG),
      () => hub.offer(Run.of(entries(4, 9)), historyTag("lost")),
    ];
    for (const tell of lostFirst ? told.reverse() : told) tell();
    world.head = 5;
    await opening;
    await world.settle();
    assert.equal(hub.position, 5);
    hub.close();
  }
});

Deno.test("who enters under newer rights does not hide the change from those who are in", async () => {
  const { hub, member } = await openHub(0);
  const rights = (accessVersion: number) => ({ accessVersion, isPrivate: false });
  hub.setAccess(rights(4), new Map(), ["a"]);
  assert.equal(
    hub.admit(rights(5), "b", "member"),
    false,
    "the others' roles may have changed, too",
  );
  assert.equal(hub.access.accessVersion, 4);
  hub.setAccess(rights(5), new Map([["a", "banned"], ["b", "member"]]), ["a", "b"]);
  assert.deepEqual(member.roles, [null, "banned"]);
  assert.equal(hub.roleOf("b"), "member");
  hub.setAccess(rights(4), new Map(), ["a"]);
  assert.equal(hub.roleOf("a"), "banned", "an older load that arrives later changes nothing");
  hub.leave(member);
  assert.ok(hub.admit(rights(6), "c", null), "an empty hub just learns");
});

Deno.test("a run can be cut at any place, joined, and split into plain frames without changes", () => {
  const all = entries(1, 5);
  const changed = { ...entry(6), kind: "edit" as const, seq: 2 };
  const run = Run.of([...all, changed] as [Entry, ...Entry[]]);
  for (let after = 0; after <= 6; after++) {
    const rest = run.after(after);
    const text = rest === null ? "" : new TextDecoder().decode(rest.bytes);
    const positions = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line).position);
    assert.deepEqual(positions, Array.from({ length: 6 - after }, (_, i) => after + i + 1));
  }
  assert.deepEqual(toRuns([entry(1), entry(2), entry(4)]).map((r) => [r.from, r.to]), [[1, 2], [
    4,
    4,
  ]]);
  const joined = Run.join([Run.of(entries(1, 2)), Run.of(entries(3, 5))]);
  assert.deepEqual(joined.bytes, Run.of(all).bytes);
  const plain = new TextDecoder("latin1").decode(run.plainFrames);
  assert.equal(plain.split('"type":"message"').length - 1, 5);
  assert.ok(!plain.includes('"type":"changed"'));
});
