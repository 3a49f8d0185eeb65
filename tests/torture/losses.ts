import type { ClientEvent, Loss } from "./record.ts";

/** Whether the database went back between two moments. */
export function wentBack({ stoppedAt }: Loss, before: number, now: number): boolean {
  return before <= stoppedAt && stoppedAt <= now;
}

/**
 * Where a client was told of a loss: what came later belongs to the new history. -1: never.
 *
 * @param from look from here on
 */
export function toldAt(events: readonly ClientEvent[], { stoppedAt }: Loss, from = 0): number {
  const telling = tellingsOf(events).find(({ index, at }) => index >= from && at >= stoppedAt);
  return telling?.index ?? -1;
}

/** A reset that tells a loss. */
interface Telling {
  readonly index: number;
  readonly at: number;
}

// Asked for once for each of what was lost: of half an hour there are too many events for that.
const tellings = new WeakMap<readonly ClientEvent[], readonly Telling[]>();

function tellingsOf(events: readonly ClientEvent[]): readonly Telling[] {
  let found = tellings.get(events);
  if (found === undefined) {
    found = events.flatMap((event, index) =>
      event.kind === "reset" && tellsLoss(event) ? [{ index, at: event.at }] : []
    );
    tellings.set(events, found);
  }
  return found;
}

function tellsLoss({ reason }: { reason: string }): boolean {
  return reason === "epoch" || reason === "ahead";
}
