import assert from "node:assert/strict";
import { ERRORS } from "../../src/protocol/codes.ts";
import { english } from "../../src/ui/language/english.ts";
import { korean } from "../../src/ui/language/korean.ts";
import { chooseLanguage, Language } from "../../src/ui/language/language.ts";
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

Deno.test("every error has a text in Korean, in Hangul, and the catalogue's in English", () => {
  for (const [code, { text }] of Object.entries(ERRORS)) {
    const known = code as keyof typeof ERRORS;
    assert.equal(english.errors[known], text);
    assert.match(korean.errors[known], /\p{Script=Hangul}/u, code);
  }
});
