/**
 * What a run leaves behind: everything that the checker needs, and nothing of how it came about.
 *
 * Times are in milliseconds since the epoch, of the one process that holds clients and faults.
 *
 * @module
 */

/** A message, as the database keeps it and as clients show it. */
export interface Shown {
  readonly seq: number;
  readonly id: string;
  /** The text, or a digest of a long one. */
  readonly text: string;
  /** The name of whoever said it. */
  readonly sender: string;
}

/** What one client saw and was told, in order. */
export type ClientEvent =
  | ({ readonly kind: "shown"; readonly at: number; readonly epoch: string } & Shown)
  | { readonly kind: "acked"; readonly at: number; readonly id: string; readonly seq: number }
  | {
    readonly kind: "reset";
    readonly at: number;
    readonly reason: string;
    /** How many entries of the log it had not been shown. */
    readonly missed: number;
  }
  /** History that was loaded over HTTP, an unbroken run up to the newest. */
  | { readonly kind: "loaded"; readonly at: number; readonly messages: readonly Shown[] };

/** What somebody wanted to say. */
export interface Sent {
  readonly at: number;
  readonly id: string;
  readonly text: string;
  /** Only what goes through a socket keeps its order. */
  readonly by: "socket" | "request";
}

/** What a program wrote by SQL; nobody knows whether it was stored. */
export interface Written {
  readonly room: string;
  readonly id: string;
  readonly text: string;
}

/** One client at the end of a run. */
export interface ClientRecord {
  readonly name: string;
  readonly room: string;
  /** What Maru calls it: one name, unless the database lost the person. */
  readonly guestNames: readonly string[];
  readonly events: readonly ClientEvent[];
  /** What it wanted to say, in order; the same id may be sent many times. */
  readonly sent: readonly Sent[];
  /** What it shows at the end, oldest first. */
  readonly screen: readonly Shown[];
  /** How its connection stands: `open`, one hopes. */
  readonly state: string;
  /** The ids of messages that it still wants to send, or that were refused for good. */
  readonly waiting: readonly string[];
  /** Why each of those waits, and whatever else is not done. */
  readonly unsent: readonly string[];
  /** What was wrong with the frames of its sockets, by docs/protocol.md. */
  readonly badFrames: readonly string[];
}

/** The database went back: what was committed from `from` until it stopped may be gone. */
export interface Loss {
  readonly from: number;
  /** When the old server was gone, and no new one there yet. */
  readonly stoppedAt: number;
  readonly endedAt: number;
}

/** A run, at its end. */
export interface RunRecord {
  /** The messages of each room in the database, by seq. */
  readonly stored: ReadonlyMap<string, readonly Shown[]>;
  readonly clients: readonly ClientRecord[];
  readonly written: readonly Written[];
  readonly losses: readonly Loss[];
  /** For how long everybody talked. */
  readonly talkedMs: number;
  /** How long it took until everything was settled, after the last fault; null: it never was. */
  readonly settledMs: number | null;
}
