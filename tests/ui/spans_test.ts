import assert from "node:assert/strict";
import { formatSpan } from "../../src/ui/operator/spans.ts";

Deno.test("a span of time is told in its largest unit, and the next where that says more", () => {
  const cases: readonly [ms: number, english: string, korean: string][] = [
    [-5_000, "0 sec", "0초"],
    [0, "0 sec", "0초"],
    [999, "0 sec", "0초"],
    [59_999, "59 sec", "59초"],
    [60_000, "1 min", "1분"],
    [72_000, "1 min 12 sec", "1분 12초"],
    [3_600_000 + 59_000, "1 hr", "1시간"],
    [3_660_000, "1 hr 1 min", "1시간 1분"],
    [86_400_000 + 7_200_000, "1 day 2 hr", "1일 2시간"],
  ];
  for (const [ms, english, korean] of cases) {
    assert.equal(formatSpan(ms, "en-US"), english);
    assert.equal(formatSpan(ms, "ko"), korean);
  }
});
