import assert from "node:assert/strict";
import { barChart, lineChart } from "./chart.ts";

const TEXT = { title: "p99 < 250 ms & more", description: "Maru: 3 at 50/s" };

Deno.test("a line chart has a title, a description, and a place for every point within its view", () => {
  const svg = lineChart({
    ...TEXT,
    xLabel: "messages a second",
    yLabel: "ms",
    series: [{ name: "Maru", slot: 0, points: [[50, 3], [200, 0.5], [3_200, 900]] }],
    limit: { y: 250, label: "250 ms" },
  });
  assert.match(svg, /<title id="title">p99 &lt; 250 ms &amp; more<\/title>/);
  assert.match(svg, /<desc id="description">Maru: 3 at 50\/s<\/desc>/);
  assert.match(svg, /prefers-color-scheme: dark/);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
  const places = /<polyline class="line s0" points="([^"]+)"/.exec(svg)![1]!.split(" ")
    .map((place) => place.split(",").map(Number));
  assert.equal(places.length, 3);
  for (const [x, y] of places) {
    assert.ok(x! > 0 && x! < width! && y! > 0 && y! < height!, `${x},${y}`);
  }
  // Higher is further up.
  assert.ok(places[1]![1]! > places[0]![1]! && places[0]![1]! > places[2]![1]!);
});

Deno.test("bars are as long as their values", () => {
  const svg = barChart({
    ...TEXT,
    bars: [
      { name: "Maru", slot: 0, value: 20_000, label: "20,000" },
      { name: "Socket.IO", slot: 2, value: 5_000, label: "5,000" },
    ],
  });
  const widths = [...svg.matchAll(/<rect class="bar[^>]+width="([\d.]+)"/g)].map(([, w]) =>
    Number(w)
  );
  assert.deepEqual([widths.length, widths[0]! / widths[1]!], [2, 4]);
});
