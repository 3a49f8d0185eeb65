import type { ClientEvent, Loss } from "./record.ts";

/** Whether the database went back between two moments. */
export function wentBack({ stoppedAt }: Loss, before: number, now: number): boolean {
  return before <= stoppedAt && stoppedAt <= now;
}

/** Where a client was told of a loss: what came later belongs to the new history. -1: never. */
export function toldAt(events: readonly ClientEvent[], { stoppedAt }: Loss): number {
  return events.findIndex((event) =>
    event.kind === "reset" && event.at >= stoppedAt && tellsLoss(event)
  );
}

function tellsLoss({ reason }: { reason: string }): boolean {
  return reason === "epoch" || reason === "ahead";
}
