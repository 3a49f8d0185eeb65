import assert from "node:assert/strict";
import { english } from "../../src/ui/language/english.ts";
import { korean } from "../../src/ui/language/korean.ts";
import { formatAgo, formatDay } from "../../src/ui/times.ts";

const now = new Date(2026, 2, 1, 0, 30);

Deno.test("days are named as people do", () => {
  const day = (date: Date) => formatDay(date, now, "en-GB", english);
  assert.equal(day(new Date(2026, 2, 1, 0, 1)), "Today");
  assert.equal(day(new Date(2026, 1, 28, 23, 59)), "Yesterday");
  assert.equal(day(new Date(2026, 1, 27)), "Friday 27 February");
  assert.match(day(new Date(2025, 1, 27)), /2025/);
  assert.equal(formatDay(new Date(2026, 1, 27), now, "ko-KR", korean), "2월 27일 금요일");
});

Deno.test("how long ago is told in the largest unit that fits", () => {
  const ago = (seconds: number, language = "en") =>
    formatAgo(new Date(now.getTime() - seconds * 1000), now, language);
  assert.equal(ago(59), "now");
  assert.equal(ago(60), "1 min. ago");
  assert.equal(ago(3 * 3600 + 5), "3 hr. ago");
  assert.equal(ago(86_400), "yesterday");
  assert.equal(ago(86_400, "ko"), "어제");
});

Deno.test("a clock that runs behind the server's makes nothing happen in the future", () => {
  assert.equal(formatAgo(new Date(now.getTime() + 90_000), now, "en"), "now");
});
