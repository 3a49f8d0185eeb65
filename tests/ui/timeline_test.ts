import assert from "node:assert/strict";
import { type MessageRow, type Row, timelineRows } from "../../src/ui/room/timeline.ts";
import { entry, message, messages, MINJI, OTTER } from "./messages.ts";

const empty = { messages: [], outbox: [], you: null };
const isMessage = (row: Row): row is MessageRow => row.kind === "message";

/** Each group as the keys of its rows. */
function groups(rows: readonly Row[]): string[][] {
  const result: string[][] = [];
  for (const row of rows.filter(isMessage)) {
    if (row.startsGroup) result.push([]);
    result.at(-1)!.push(row.key);
  }
  return result;
}

Deno.test("consecutive messages of one person are one group", () => {
  const rows = timelineRows({
    ...empty,
    messages: [message(1), message(2), message(3, { sender: OTTER }), message(4)],
  });
  assert.deepEqual(groups(rows), [["id-1", "id-2"], ["id-3"], ["id-4"]]);
  assert.deepEqual(rows.filter(isMessage).map((row) => row.endsGroup), [false, true, true, true]);
});

Deno.test("a pause of five minutes begins a new group", () => {
  const at = (minute: number, second: number) =>
    new Date(2026, 2, 1, 12, minute, second).toISOString();
  const rows = timelineRows({
    ...empty,
    messages: [
      message(1, { created_at: at(0, 0) }),
      message(2, { created_at: at(4, 59) }),
      message(3, { created_at: at(9, 59) }),
    ],
  });
  assert.deepEqual(groups(rows), [["id-1", "id-2"], ["id-3"]]);
});

Deno.test("another name of the same person begins a new group", () => {
  const renamed = message(2, { sender: { ...MINJI, name: "민지2" } });
  const rows = timelineRows({ ...empty, messages: [message(1), renamed] });
  assert.deepEqual(groups(rows), [["id-1"], ["id-2"]]);
});

Deno.test("every day begins with a separator, and ends the group", () => {
  const rows = timelineRows({
    ...empty,
    messages: [
      message(1, { created_at: new Date(2026, 2, 1, 23, 59).toISOString() }),
      message(2, { created_at: new Date(2026, 2, 2, 0, 1).toISOString() }),
    ],
  });
  assert.deepEqual(rows.map(({ key }) => key), ["day 2026-3-1", "id-1", "day 2026-3-2", "id-2"]);
  assert.deepEqual(groups(rows), [["id-1"], ["id-2"]]);
});

Deno.test("a clock that steps back over midnight does not begin the day twice", () => {
  const times = [[2, 0, 1], [1, 23, 59], [2, 0, 2]] as const;
  const rows = timelineRows({
    ...empty,
    messages: times.map(([day, hour, minute], n) =>
      message(n + 1, { created_at: new Date(2026, 2, day, hour, minute).toISOString() })
    ),
  });
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
  assert.deepEqual(rows.filter((row) => row.kind === "day").map(({ key }) => key), [
    "day 2026-3-2",
  ]);
});

Deno.test("what is on its way follows what is stored, and takes its place under the same key", () => {
  const before = timelineRows({ messages: messages(1, 2), outbox: [entry("mine")], you: OTTER });
  assert.deepEqual(before.filter(isMessage).map(({ key, mine }) => [key, mine]), [
    ["id-1", false],
    ["id-2", false],
    ["mine", true],
  ]);
  const stored = message(3, { id: "mine", sender: OTTER });
  const after = timelineRows({
    messages: [...messages(1, 2), stored],
    outbox: [entry("mine")],
    you: OTTER,
  });
  assert.deepEqual(after.filter(isMessage).map(({ key }) => key), ["id-1", "id-2", "mine"]);
  assert.equal(after.filter(isMessage).at(-1)?.entry, undefined);
});

Deno.test("a message that failed because its id was taken is shown beside the one that has it", () => {
  const failed = entry("id-1", { state: "failed", code: "id_conflict" });
  const rows = timelineRows({ messages: messages(1, 1), outbox: [failed], you: OTTER });
  assert.deepEqual(rows.filter(isMessage).map(({ key }) => key), ["id-1", "id-1 again"]);
});

Deno.test("an answer shows the message that it answers, if that is loaded", () => {
  const rows = timelineRows({
    ...empty,
    messages: [message(5), message(6, { reply_to: 5 }), message(7, { reply_to: 1 })],
  });
  assert.deepEqual(rows.filter(isMessage).map((row) => row.answers?.seq), [
    undefined,
    5,
    undefined,
  ]);
});
