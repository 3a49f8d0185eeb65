import assert from "node:assert/strict";
import fc from "fast-check";
import { linkify } from "../../src/ui/room/linkify.ts";

const hrefs = (text: string) => linkify(text).flatMap(({ href }) => href ?? []);

Deno.test("addresses of the web become links, and the text around them stays", () => {
  assert.deepEqual(linkify("see https://maru.test/a?b=1#c now"), [
    { text: "see " },
    { text: "https://maru.test/a?b=1#c", href: "https://maru.test/a?b=1#c" },
    { text: " now" },
  ]);
});

Deno.test("nothing but http and https becomes a link", () => {
  for (
    const text of [
      "javascript:alert(1)",
      "data:text/html,x",
      "ftp://maru.test",
      "https://",
      "http://[",
      "JAVASCRIPT://https",
    ]
  ) {
    assert.deepEqual(hrefs(text), [], text);
  }
});

Deno.test("the mark that ends a sentence is not part of the address, a closing bracket of its own is", () => {
  assert.deepEqual(hrefs("Go to https://maru.test/a."), ["https://maru.test/a"]);
  assert.deepEqual(hrefs("(https://maru.test/a)!"), ["https://maru.test/a"]);
  assert.deepEqual(hrefs("https://maru.test/Maru_(floor)"), ["https://maru.test/Maru_(floor)"]);
  assert.deepEqual(hrefs("(see https://maru.test/Maru_(floor))"), [
    "https://maru.test/Maru_(floor)",
  ]);
  assert.deepEqual(hrefs('"https://maru.test/a"'), ["https://maru.test/a"]);
});

Deno.test("several addresses in several lines are found", () => {
  assert.deepEqual(hrefs("https://a.test\nHTTP://B.test, https://c.test/x"), [
    "https://a.test/",
    "http://b.test/",
    "https://c.test/x",
  ]);
});

Deno.test("the pieces always make up the whole text", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("https://", "http://a.b", "(", ")", ".", " ", "\n", "[", "]"),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const text = pieces.join("");
    assert.equal(linkify(text).map((part) => part.text).join(""), text);
  }));
});

Deno.test("a long hostile text takes no long time", () => {
  const started = performance.now();
  linkify("https://a".padEnd(8_000, ")"));
  linkify("https://".repeat(1_000));
  assert.ok(performance.now() - started < 500);
});
