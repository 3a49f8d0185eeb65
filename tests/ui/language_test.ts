import assert from "node:assert/strict";
import { ERRORS } from "../../src/protocol/codes.ts";
import { english } from "../../src/ui/language/english.ts";
import { korean } from "../../src/ui/language/korean.ts";
import { chooseLanguage, Language } from "../../src/ui/language/language.ts";
import type { Trouble } from "../../src/ui/language/texts.ts";
import { MemoryStore } from "./messages.ts";

Deno.test("the page speaks the first language of the browser that it knows", () => {
  assert.equal(chooseLanguage(["fr-FR", "ko-KR", "en"]), "ko");
  assert.equal(chooseLanguage(["EN-us", "ko"]), "en");
  assert.equal(chooseLanguage(["fr", "toString"]), "en");
  assert.equal(chooseLanguage([]), "en");
});

Deno.test("a chosen language is kept, and wins over the browser's", () => {
  const store = new MemoryStore();
  new Language(store, ["en-GB"]).choose("ko");
  const language = new Language(store, ["en-GB"]);
  assert.equal(language.tag, "ko");
  assert.equal(language.texts.value, korean);
  assert.deepEqual(language.others, [{ tag: "en", name: "English" }]);
});

Deno.test("dates are written as the browser's region does, in the language of the page", () => {
  const store = new MemoryStore();
  const language = new Language(store, ["en-GB", "ko-KR"]);
  assert.equal(language.locale, "en-GB");
  language.choose("ko");
  assert.equal(language.locale, "ko-KR");
});

Deno.test("every error has a text for people in both languages, without the words of developers", () => {
  const inEnglish =
    /\b(frames?|ids?|requests?|fields?|sockets?|origin|databases?|NUL|surrogate|KiB)\b/i;
  const inKorean = /프레임|아이디|번호|요청|값|소켓|데이터베이스|KiB/;
  for (const code of [...Object.keys(ERRORS), "unreachable"] as Trouble[]) {
    assert.match(english.errors[code], /^[A-Z].*[^.]$/, code);
    assert.doesNotMatch(english.errors[code], inEnglish, code);
    assert.match(korean.errors[code], /^\P{Lowercase}*\p{Script=Hangul}$/u, code);
    assert.doesNotMatch(korean.errors[code], inKorean, code);
  }
});
