/** What carries the messages: the layer, or `pg_notify` with its calls awaited or pipelined. */
export type Carrier = "layer" | "awaited" | "pipelined";

/** What a load is, for senders and receivers alike. Times are in ms since 1970. */
export interface Load {
  readonly run: number;
  /** What is sent before this is a warm-up: checked, not measured. */
  readonly measureFrom: number;
  readonly until: number;
}

/** What `sender.ts` is told to do. */
export type SenderCommand =
  | {
    readonly do: "open";
    readonly url: string;
    readonly carrier: Carrier;
    readonly groups: number;
  }
  | { readonly do: "send"; readonly plan: SendPlan }
  | { readonly do: "close" };

/** What one sender sends. */
export interface SendPlan extends Load {
  readonly from: number;
  readonly groups: number;
  /** Length of a message as JSON. */
  readonly bytes: number;
  /** Messages a second at fixed times, or `null`: as many as are taken. */
  readonly rate: number | null;
  /** So many messages are in flight at most where there is no rate. */
  readonly window: number;
}

/** How many messages a sender has sent to each group. */
export type SentCounts = readonly number[];

/** What `receiver.ts` is told to do. */
export type ReceiverCommand =
  | {
    readonly do: "open";
    readonly url: string;
    readonly carrier: Carrier;
    readonly groups: number;
  }
  | { readonly do: "expect"; readonly load: Load }
  | { readonly do: "report"; readonly sent: readonly SentCounts[] }
  | { readonly do: "close" };
