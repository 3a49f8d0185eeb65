import assert from "node:assert/strict";
import { insertScale } from "./scale_page.ts";

const PAGE = "Before\n\n<!-- deno task bench --scale: begin -->\nold\n" +
  "<!-- deno task bench --scale: end -->\n\nAfter\n";

Deno.test("the tables of a run take the place of those before them, and of nothing else", () => {
  const once = insertScale(PAGE, "| new |");
  assert.match(
    once,
    /^Before\n\n<!-- [^>]*begin -->\n\n\| new \|\n\n<!-- [^>]*end -->\n\nAfter\n$/,
  );
  assert.equal(insertScale(insertScale(PAGE, "other"), "| new |"), once);
});

Deno.test("a page without a place for the tables is left alone", () => {
  assert.throws(() => insertScale("# A page\n", "| new |"), /Cannot insert what was measured/);
  const reversed = PAGE.replace("begin", "x").replace("end", "begin").replace("x", "end");
  assert.throws(() => insertScale(reversed, "| new |"), /Cannot insert what was measured/);
});

Deno.test("docs/scaling.md has a place for the tables", async () => {
  insertScale(await Deno.readTextFile("docs/scaling.md"), "| new |");
});
