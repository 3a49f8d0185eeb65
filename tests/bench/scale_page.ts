import type { ListenersResult } from "./listeners.ts";
import type { ScaleReport, ScaleResult } from "./scale.ts";
import { isCorrect, ms } from "./table.ts";

const BEGIN = "<!-- deno task bench --scale: begin -->";
const END = "<!-- deno task bench --scale: end -->";

/** What was measured, in Markdown. */
export function printScale({ results, listeners }: ScaleReport): string {
  return `${instancesTable(results)}\n\n${listenersTable(listeners)}`;
}

/**
 * Puts text into a page, between the two comments that mark the place of what was measured.
 *
 * @throws {Error} when the page has no such place
 */
export function insertScale(page: string, text: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot insert what was measured: the page has no "${BEGIN}" before "${END}"`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

function instancesTable(results: readonly ScaleResult[]): string {
  const head = [
    "load",
    "instances",
    "µs a delivery: instances",
    "PostgreSQL",
    "batches/s",
    "messages in one",
    "ms in one",
    "NOTIFY statements/s",
    "payloads/s",
    "gap reads/s",
    "µs of a listener a statement",
    "WAL bytes a message",
    "connections",
    "ack p50/p99 ms",
    "delivery p50/p99 ms",
    "all correct",
  ];
  const body = results.map(({ load, count, result, instances, postgres, database }) => {
    const { batches, notifications, heartbeats, cpuMs } = database;
    // Every statement wakes every listener, and so does every heartbeat.
    const wakes = (notifications.calls + heartbeats.calls) * count;
    return [
      `${load.rooms} × ${load.members}, ${load.rate}/s`,
      String(count),
      instances.toFixed(1),
      postgres.toFixed(1),
      batches.calls.toFixed(0),
      ratio(batches.rows, batches.calls),
      ratio(batches.ms, batches.calls),
      notifications.calls.toFixed(0),
      notifications.rows.toFixed(0),
      database.gapReads.calls.toFixed(0),
      ratio((cpuMs["maru-listener"] ?? 0) * 1_000, wakes),
      ratio(database.walBytes, result.messagesPerSecond, 0),
      String(database.connections),
      `${ms(result.ack.p50)}/${ms(result.ack.p99)}`,
      `${ms(result.delivery.p50)}/${ms(result.delivery.p99)}`,
      isCorrect(result) ? "yes" : "no",
    ];
  });
  return markdown([head, ...body]);
}

function listenersTable(results: readonly ListenersResult[]): string {
  const head = [
    "listeners",
    "bytes of the payload",
    "µs of each listener's backend",
    "µs of the notifier's backend",
    "µs of each process that hears and opens it",
    "all heard",
  ];
  const body = results.map((result) => [
    String(result.listeners),
    String(result.payloadBytes),
    result.listenerUs.toFixed(0),
    result.notifierUs.toFixed(0),
    result.hearingUs.toFixed(0),
    result.allHeard ? "yes" : "no",
  ]);
  return markdown([head, ...body]);
}

function ratio(of: number, to: number, digits = 1): string {
  return to === 0 ? "–" : (of / to).toFixed(digits);
}

function markdown([head, ...body]: readonly (readonly string[])[]): string {
  return [head!, head!.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
