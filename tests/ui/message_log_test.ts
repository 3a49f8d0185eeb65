import assert from "node:assert/strict";
import { MessageLog } from "../../src/ui/room/message_log.ts";
import { message, page } from "./messages.ts";

const seqs = (log: MessageLog) => log.messages.value.map(({ seq }) => seq);
const texts = (log: MessageLog) => log.messages.value.map((message) => message.message);

Deno.test("a message that comes live and with the history is shown once", () => {
  const log = new MessageLog();
  log.load(page(1, 3));
  log.add(message(3));
  log.add(message(4));
  log.add(message(4));
  assert.deepEqual(seqs(log), [1, 2, 3, 4]);
});

Deno.test("of two copies of a message the higher version wins, whichever comes first", () => {
  const log = new MessageLog();
  log.load(page(1, 3));
  log.add(message(2, { version: 9, message: "edited twice" }));
  log.add(message(2, { version: 8, message: "edited once" }));
  assert.deepEqual(texts(log), ["text 1", "edited twice", "text 3"]);
});

Deno.test("pages are put before each other until the room's first message", () => {
  const log = new MessageLog();
  log.load(page(101, 150));
  assert.equal(log.hasOlder.value, true);
  assert.equal(log.oldestSeq, 101);
  log.prepend(page(51, 100, 150));
  log.prepend(page(1, 50, 150));
  assert.equal(log.hasOlder.value, false);
  assert.deepEqual(seqs(log), Array.from({ length: 150 }, (_, n) => n + 1));
});

Deno.test("a page that overlaps adds only what is new", () => {
  const log = new MessageLog();
  log.load(page(5, 8));
  log.prepend(page(3, 6, 8));
  assert.deepEqual(seqs(log), [3, 4, 5, 6, 7, 8]);
});

Deno.test("a change of a message that is not loaded yet is not lost to an older page", () => {
  const log = new MessageLog();
  log.load(page(5, 8));
  log.add(message(4, { version: 10, message: "edited" }));
  log.add(message(4, { version: 9, message: "edited before" }));
  assert.deepEqual(seqs(log), [5, 6, 7, 8]);
  log.prepend(page(3, 4, 8));
  assert.deepEqual(texts(log).slice(0, 2), ["text 3", "edited"]);
});

Deno.test("what comes before the history is shown after it, without a gap", () => {
  const log = new MessageLog();
  log.add(message(4));
  assert.deepEqual(seqs(log), []);
  log.load(page(1, 3));
  assert.deepEqual(seqs(log), [1, 2, 3, 4]);
});

Deno.test("after a reset the old messages stay until the new history is there, and go then", () => {
  const log = new MessageLog();
  log.load(page(1, 9));
  log.beginReload();
  log.add(message(703));
  assert.deepEqual(seqs(log), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  log.load(page(700, 702));
  assert.deepEqual(seqs(log), [700, 701, 702, 703]);
});

Deno.test("the oldest messages are let go and can be loaded again", () => {
  const log = new MessageLog();
  log.load(page(1, 10));
  assert.equal(log.hasOlder.value, false);
  log.trim(10, 4);
  assert.equal(seqs(log).length, 10);
  log.trim(9, 4);
  assert.deepEqual(seqs(log), [7, 8, 9, 10]);
  assert.equal(log.hasOlder.value, true);
});
