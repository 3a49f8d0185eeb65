import type { LoadResult } from "./load.ts";
import type { Measured } from "./measure.ts";

/** One row of the bench. */
export interface Row {
  readonly rooms: number;
  readonly members: number;
  readonly rate: number;
  readonly framing: "v1" | "plain";
  /** What is to be reached: p99 in ms, CPU a delivery as a ratio to the relay's. */
  readonly target: { readonly p99?: number; readonly ratio?: number } | null;
}

/** A row and what was measured. */
export interface RowResult extends Measured {
  readonly name: string;
  readonly row: Row;
  /** CPU a delivery beside the relay's. */
  readonly ratio: number | null;
}

/** The results as a table for people. */
export function printTable(results: readonly RowResult[]): string {
  const head = [
    "",
    "rooms × members",
    "framing",
    "asked/s",
    "messages/s",
    "deliveries/s",
    "ack p50/p99 ms",
    "delivery p50/p95/p99/max ms",
    "lost",
    "doubled",
    "other order",
    "errors",
    "µs/delivery: instances + PostgreSQL = sum",
    "load",
    "× relay",
    "target",
  ];
  const body = results.map((line) => {
    const { name, row, result, instances, postgres, loadCpu, cpuPerDelivery, ratio } = line;
    const { ack, delivery } = result;
    return [
      name,
      `${row.rooms} × ${row.members}`,
      row.framing,
      String(row.rate),
      result.messagesPerSecond.toFixed(0),
      result.deliveriesPerSecond.toFixed(0),
      `${ms(ack.p50)}/${ms(ack.p99)}`,
      [delivery.p50, delivery.p95, delivery.p99, delivery.max].map(ms).join("/"),
      String(result.lost),
      String(result.doubled),
      String(result.otherOrder),
      String(Object.values(result.errors).reduce((sum, count) => sum + count, result.closed)),
      `${instances.toFixed(1)} + ${postgres.toFixed(1)} = ${cpuPerDelivery.toFixed(1)}`,
      loadCpu.toFixed(1),
      ratio === null ? "" : ratio.toFixed(2),
      verdict(line),
    ];
  });
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join(
    "\n",
  );
}

/** Whether everything arrived once and in order, and nobody was cut off. */
export function isCorrect({ lost, doubled, otherOrder, closed }: LoadResult): boolean {
  return lost + doubled + otherOrder + closed === 0;
}

function verdict({ row, result, ratio }: RowResult): string {
  if (row.target === null) return "";
  const parts: string[] = [];
  const { p99, ratio: limit } = row.target;
  const reached = result.messagesPerSecond >= row.rate * 0.98;
  parts.push(`${row.rate}/s ${reached ? "reached" : "missed"}`);
  if (p99 !== undefined) {
    parts.push(`p99 ≤ ${p99} ${result.delivery.p99 <= p99 ? "reached" : "missed"}`);
  }
  if (limit !== undefined && ratio !== null) {
    parts.push(`≤ ${limit} × ${ratio <= limit ? "reached" : "missed"}`);
  }
  return parts.join(", ");
}

/** A duration in ms, as short as it can be told. */
export function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
