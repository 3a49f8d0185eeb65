/**
 * A receiver of the channel bench, in a process of its own: takes {@linkcode ReceiverCommand}s.
 *
 * @module
 */
import { openBareReceiver } from "./bare_ends.ts";
import { type BenchMessage, now } from "./carrier.ts";
import type { Load, ReceiverCommand, SentCounts } from "./commands.ts";
import { openLayerReceiver } from "./layer_ends.ts";
import { Tally, type Wrong } from "./tally.ts";
import { answerCommands } from "./worker_process.ts";

/** What a receiver got of one load. */
export interface Received extends Wrong {
  /** Messages a second, in the measured time. */
  readonly perSecond: number;
  /** From the call that sent it until it was heard, in ms, of each message of the measured time. */
  readonly latencies: readonly number[];
}

const POLL_MS = 10;
/** What has not come when nothing has come for so long is lost. */
const SILENCE_MS = 3_000;
/** What comes again comes soon after. */
const SETTLE_MS = 50;
/** Kept latencies; a load that saturates has more, which say nothing. */
const MAX_LATENCIES = 100_000;

class Receiver {
  #load: Load = { run: 0, measureFrom: Infinity, until: Infinity };
  #tally = new Tally();
  #latencies: number[] = [];
  #inTime = 0;
  #lastAt = now();

  expect(load: Load): void {
    this.#load = load;
    this.#tally = new Tally();
    this.#latencies = [];
    this.#inTime = 0;
  }

  readonly hear = (group: number, message: BenchMessage): void => {
    const { run, measureFrom, until } = this.#load;
    // Of a load before this one: it was counted as lost there.
    if (message.run !== run) return;
    const at = now();
    this.#lastAt = at;
    this.#tally.take(group, message);
    if (at >= measureFrom && at < until) this.#inTime++;
    if (message.at >= measureFrom && this.#latencies.length < MAX_LATENCIES) {
      this.#latencies.push(Math.round((at - message.at) * 1000) / 1000);
    }
  };

  async report(sent: readonly SentCounts[]): Promise<Received> {
    const expected = sent.flat().reduce((sum, count) => sum + count, 0);
    this.#lastAt = Math.max(this.#lastAt, now());
    while (this.#tally.received < expected && now() - this.#lastAt < SILENCE_MS) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const { measureFrom, until } = this.#load;
    return {
      ...this.#tally.compare(sent),
      perSecond: this.#inTime / (until - measureFrom) * 1000,
      latencies: this.#latencies,
    };
  }
}

if (import.meta.main) {
  const receiver = new Receiver();
  let end: AsyncDisposable | null = null;
  const close = async () => {
    await end?.[Symbol.asyncDispose]();
    end = null;
  };
  await answerCommands<ReceiverCommand>(async (command) => {
    if (command.do === "open") {
      const { url, carrier, groups } = command;
      const open = carrier === "layer" ? openLayerReceiver : openBareReceiver;
      end = await open(url, groups, receiver.hear);
    } else if (command.do === "expect") receiver.expect(command.load);
    else if (command.do === "report") return await receiver.report(command.sent);
    else await close();
  });
  // Whoever gave the commands may have gone without a word.
  await close();
}
