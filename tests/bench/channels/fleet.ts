import { familyCpuMs, processCpuMs } from "../cpu.ts";
import { Histogram } from "../histogram.ts";
import { now } from "./carrier.ts";
import type { Carrier, Load, ReceiverCommand, SenderCommand, SentCounts } from "./commands.ts";
import type { Received } from "./receiver.ts";
import type { Wrong } from "./tally.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker_process.ts";

/** Who sends, who hears, by what. */
export interface Scene {
  readonly carrier: Carrier;
  readonly groups: number;
  readonly senders: number;
  /** Receiving instances: each has a member in each group. */
  readonly receivers: number;
}

/** How much is sent, and how fast. */
export interface LoadOptions {
  /** Length of a message as JSON. */
  readonly bytes: number;
  /** Messages a second at fixed times, or `null`: as many as are taken. */
  readonly rate: number | null;
  /** So many messages are in flight at most, of each sender, where there is no rate. */
  readonly window: number;
  /** Measured time; the warm-up comes before it. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** What came of a load. */
export interface LoadResult extends Wrong {
  readonly sent: number;
  /** What the slowest receiver heard in a second of the measured time. */
  readonly perSecond: number;
  /** In ms, of all receivers. */
  readonly p50: number;
  readonly p99: number;
  /** CPU time, in µs a message. */
  readonly cpu: { readonly senders: number; readonly receivers: number; readonly postgres: number };
}

/** What a {@linkcode Fleet} works on. */
export interface FleetOptions {
  readonly url: string;
  /** The process id of the postmaster. */
  readonly postgresPid: number;
  readonly senders: number;
  readonly receivers: number;
  /** More arguments of `deno run`. @default none */
  readonly flags?: readonly string[];
}

const START_DELAY_MS = 50;

/** Senders and receivers, each a process and so an event loop of its own. */
export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #senders: readonly WorkerProcess<SenderCommand>[];
  readonly #receivers: readonly WorkerProcess<ReceiverCommand>[];
  #run = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const start = <Command>(program: string, count: number) =>
      Array.from(
        { length: count },
        () => startWorkerProcess<Command>(`tests/bench/channels/${program}`, options.flags),
      );
    this.#senders = start<SenderCommand>("sender.ts", options.senders);
    this.#receivers = start<ReceiverCommand>("receiver.ts", options.receivers);
  }

  /** Sets a scene: until it is disposed, everybody is connected. */
  async open(scene: Scene): Promise<OpenScene> {
    const { url } = this.#options;
    const { carrier, groups } = scene;
    const senders = this.#senders.slice(0, scene.senders);
    const receivers = this.#receivers.slice(0, scene.receivers);
    await Promise.all(receivers.map((one) => one.ask({ do: "open", url, carrier, groups })));
    await Promise.all(senders.map((one) => one.ask({ do: "open", url, carrier, groups })));
    return {
      load: (options) => this.#load(options, { groups, senders, receivers }),
      async [Symbol.asyncDispose]() {
        await Promise.all([...senders, ...receivers].map((one) => one.ask({ do: "close" })));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#senders, ...this.#receivers];
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  }

  async #load(options: LoadOptions, cast: Cast): Promise<LoadResult> {
    const { bytes, window, seconds, warmUpSeconds } = options;
    const { groups, senders, receivers } = cast;
    const measureFrom = now() + START_DELAY_MS + warmUpSeconds * 1000;
    const load: Load = { run: ++this.#run, measureFrom, until: measureFrom + seconds * 1000 };
    await Promise.all(receivers.map((one) => one.ask({ do: "expect", load })));
    const rate = options.rate === null ? null : options.rate / senders.length;
    const sending = Promise.all(senders.map((sender, from) => {
      const plan = { ...load, from, groups, bytes, rate, window };
      return sender.ask<SentCounts>({ do: "send", plan });
    }));
    await sleepUntil(load.measureFrom);
    const before = await this.#cpu(cast);
    await sleepUntil(load.until);
    const after = await this.#cpu(cast);
    const sent = await sending;
    const heard = await Promise.all(
      receivers.map((one) => one.ask<Received>({ do: "report", sent })),
    );
    const perSecond = Math.min(...heard.map((one) => one.perSecond));
    const messages = Math.max(1, perSecond * seconds);
    const each = (who: keyof LoadResult["cpu"]) => (after[who] - before[who]) * 1000 / messages;
    const latencies = new Histogram();
    for (const one of heard) for (const ms of one.latencies) latencies.add(ms);
    return {
      sent: sum(sent.flat()),
      lost: sum(heard.map((one) => one.lost)),
      doubled: sum(heard.map((one) => one.doubled)),
      disordered: sum(heard.map((one) => one.disordered)),
      perSecond,
      p50: latencies.quantile(0.5),
      p99: latencies.quantile(0.99),
      cpu: { senders: each("senders"), receivers: each("receivers"), postgres: each("postgres") },
    };
  }

  async #cpu({ senders, receivers }: Cast): Promise<LoadResult["cpu"]> {
    const of = async (all: readonly { readonly pid: number }[]) =>
      sum(await Promise.all(all.map(({ pid }) => processCpuMs(pid))));
    return {
      senders: await of(senders),
      receivers: await of(receivers),
      postgres: await familyCpuMs(this.#options.postgresPid),
    };
  }
}

/** A scene of a {@linkcode Fleet}, with everybody connected. */
export interface OpenScene extends AsyncDisposable {
  /** Sends, and waits until all has been heard, or nothing comes any more. */
  load(options: LoadOptions): Promise<LoadResult>;
}

interface Cast {
  readonly groups: number;
  readonly senders: readonly WorkerProcess<SenderCommand>[];
  readonly receivers: readonly WorkerProcess<ReceiverCommand>[];
}

async function sleepUntil(time: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, time - now())));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
