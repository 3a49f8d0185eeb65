import assert from "node:assert/strict";
import { EnterKey, type KeyPress } from "../../src/ui/room/enter_key.ts";

/** An event as a page gets it: a key that goes down, or the end of a composition with its text. */
type Step = Partial<KeyPress> | { readonly ended: string; readonly timeStamp: number };

function press(fields: Partial<KeyPress> = {}): KeyPress {
  return {
    key: "Enter",
    code: "Enter",
    keyCode: 13,
    isComposing: false,
    shiftKey: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    timeStamp: 10_000,
    ...fields,
  };
}

/** Which of the keys that went down have sent. */
function replay(steps: readonly Step[]): boolean[] {
  const enterKey = new EnterKey();
  const sent: boolean[] = [];
  for (const step of steps) {
    if ("ended" in step) enterKey.compositionEnd({ data: step.ended, timeStamp: step.timeStamp });
    else sent.push(enterKey.sends(press(step)));
  }
  return sent;
}

const ofTheInputMethod = { isComposing: true, keyCode: 229 } as const;
const process = { ...ofTheInputMethod, key: "Process" } as const;

Deno.test("Enter sends, another key does not", () => {
  assert.deepEqual(replay([{}, { code: "NumpadEnter" }]), [true, true]);
  assert.deepEqual(replay([{ key: "a", code: "KeyA", keyCode: 65 }]), [false]);
});

Deno.test("Enter with Shift, Ctrl, Alt or Meta does not send", () => {
  for (const key of ["shiftKey", "ctrlKey", "altKey", "metaKey"] as const) {
    assert.deepEqual(replay([{ [key]: true }]), [false], key);
  }
});

Deno.test("Enter within a composition does not send, by either of its marks", () => {
  assert.deepEqual(replay([{ isComposing: true }]), [false]);
  assert.deepEqual(replay([{ keyCode: 229 }]), [false]);
});

// keydown, compositionupdate, compositionend, keydown; isComposing is false on the second:
// https://hyunyikim.github.io/posts/how-to-check-composition-event-in-korean
// https://github.com/vuejs/vue/issues/10277
Deno.test("Chrome on macOS, Korean: one press of Enter sends once, after the syllable is accepted", () => {
  assert.deepEqual(
    replay([
      { ...ofTheInputMethod, timeStamp: 9_990 },
      { ended: "애", timeStamp: 9_995 },
      { timeStamp: 9_996 },
    ]),
    [false, true],
  );
});

// Measured on Windows 11 with the Microsoft input method: Process 229, compositionend, Enter 13:
// https://github.com/mposition/Tomverse, .github/audits/ime-enter-observation-2026-08-15.md
// The physical key is in `code`, whatever `key` says: https://github.com/stablyai/orca/pull/12219
Deno.test("Chrome on Windows, Korean: one press of Enter sends once, after the syllable is accepted", () => {
  assert.deepEqual(
    replay([
      { ...process, code: "KeyD", timeStamp: 9_900 },
      { ...process, timeStamp: 9_990 },
      { ended: "ㅇ", timeStamp: 9_995 },
      { timeStamp: 9_996 },
    ]),
    [false, false, true],
  );
});

// The same where the input method lets Enter through without a word of its own.
Deno.test("Chrome on Windows, Korean: an Enter that ends the composition unannounced sends", () => {
  assert.deepEqual(
    replay([
      { ...process, code: "KeyD", timeStamp: 9_900 },
      { ended: "ㅇ", timeStamp: 9_998 },
      { timeStamp: 9_996 },
    ]),
    [false, true],
  );
});

// https://developer.mozilla.org/docs/Web/API/Element/keydown_event (keys are told since Firefox 65)
// https://github.com/ppy/osu-web/pull/10719 (`Process` on every system)
Deno.test("Firefox and Chrome, a candidate: Enter accepts it, the next Enter sends", () => {
  for (const enter of [process, ofTheInputMethod]) {
    assert.deepEqual(
      replay([
        { ...enter, timeStamp: 9_000 },
        { ended: "漢字", timeStamp: 9_005 },
        { timeStamp: 9_130 },
      ]),
      [false, true],
    );
  }
});

Deno.test("an Enter that was marked and is then passed on sends, whatever was composed", () => {
  for (const enter of [process, ofTheInputMethod]) {
    assert.deepEqual(
      replay([
        { ...enter, timeStamp: 9_990 },
        { ended: "việt", timeStamp: 9_995 },
        { timeStamp: 9_996 },
      ]),
      [false, true],
    );
  }
});

Deno.test("Firefox, Korean: an Enter that comes after its `Process` sends", () => {
  assert.deepEqual(
    replay([
      { ...process, timeStamp: 9_990 },
      { ended: "한", timeStamp: 9_995 },
      { timeStamp: 9_990 },
    ]),
    [false, true],
  );
});

// The composition ends first. WebKit marks a key that the input method took with 229, in most of
// its versions: `EventHandler::internalKeyEvent`, https://bugs.webkit.org/show_bug.cgi?id=165004 and 314752.
// The time of a key is when it was pressed, before what it ended; a person's next Enter comes 122 ms
// later or more: https://github.com/Darkatse/TauriTavern/pull/208, measured on Safari 26.4
Deno.test("Safari, a candidate: Enter accepts it, with or without its mark, and the next Enter sends", () => {
  for (const keyCode of [229, 13]) {
    assert.deepEqual(
      replay([
        { ended: "mujica", timeStamp: 43_763 },
        { keyCode, timeStamp: 43_752 },
        { timeStamp: 43_885 },
      ]),
      [false, true],
      `key code ${keyCode}`,
    );
  }
});

Deno.test("Safari, a candidate chosen with Space: an Enter right after it sends", () => {
  assert.deepEqual(
    replay([
      { ended: "你", timeStamp: 9_990 },
      { key: " ", code: "Space", keyCode: 229, timeStamp: 9_980 },
      { timeStamp: 10_000 },
    ]),
    [false, true],
  );
});

// There is no candidate to accept: WebKit passes the key on, unmarked, as Enter.
// https://contenteditable.realerror.com/ko/cases/ce-0567-safari-composition-event-order
Deno.test("Safari, Korean: one press of Enter sends once, after the syllable is accepted", () => {
  assert.deepEqual(
    replay([{ ended: "한", timeStamp: 9_998 }, { timeStamp: 9_990 }]),
    [true],
  );
});

Deno.test("a marked Enter of an earlier composition does not excuse a later one", () => {
  assert.deepEqual(
    replay([
      { ...ofTheInputMethod, timeStamp: 5_000 },
      { ended: "漢字", timeStamp: 5_001 },
      { key: "k", code: "KeyK", keyCode: 229, timeStamp: 9_000 },
      { ended: "か", timeStamp: 9_998 },
      { timeStamp: 10_000 },
    ]),
    [false, false, false],
  );
});
