/**
 * A sender of the channel bench, in a process of its own: takes {@linkcode SenderCommand}s.
 *
 * @module
 */
import { openBareSender } from "./bare_ends.ts";
import { type BenchMessage, now, type SendingEnd } from "./carrier.ts";
import type { SenderCommand, SendPlan, SentCounts } from "./commands.ts";
import { openLayerSender } from "./layer_ends.ts";
import { answerCommands } from "./worker_process.ts";

const TICK_MS = 1;
/** Looks at the clock and lets others run after so many messages. */
const BURST = 100;

if (import.meta.main) {
  let end: SendingEnd | null = null;
  const close = async () => {
    await end?.[Symbol.asyncDispose]();
    end = null;
  };
  await answerCommands<SenderCommand>(async (command) => {
    if (command.do === "open") end = await openSender(command);
    else if (command.do === "send") return await send(end!, command.plan);
    else await close();
  });
  // Whoever gave the commands may have gone without a word.
  await close();
}

async function openSender(
  { url, carrier, groups }: SenderCommand & { do: "open" },
): Promise<SendingEnd> {
  if (carrier === "layer") return await openLayerSender(url);
  return await openBareSender(url, { awaited: carrier === "awaited", groups });
}

async function send(end: SendingEnd, plan: SendPlan): Promise<SentCounts> {
  const { run, from, groups } = plan;
  const sent = Array.from({ length: groups }, () => 0);
  const text = fillerFor(plan);
  let group = 0;
  const sendNext = () => {
    const n = ++sent[group]!;
    end.send(group, { type: "bench.message", run, from, n, at: now(), text });
    group = (group + 1) % groups;
  };
  if (plan.rate === null) await saturate(end, plan, sendNext);
  else await sendAtRate(plan.rate, plan, sendNext);
  while (end.inFlight > 0) await end.progress();
  return sent;
}

/** Keeps as many in flight as the window allows. */
async function saturate(
  end: SendingEnd,
  { window, until }: SendPlan,
  sendNext: () => void,
): Promise<void> {
  while (now() < until) {
    const room = Math.min(window - end.inFlight, BURST);
    for (let i = 0; i < room; i++) sendNext();
    if (end.inFlight >= window) await end.progress();
  }
}

/** Sends at fixed times, whatever happens; what is late is sent at once. */
async function sendAtRate(
  rate: number,
  { until }: SendPlan,
  sendNext: () => void,
): Promise<void> {
  const startAt = now();
  const total = Math.round((until - startAt) / 1000 * rate);
  for (let sent = 0; sent < total;) {
    for (; sent < total && startAt + sent * 1000 / rate <= now(); sent++) sendNext();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** As long a text as makes a message as long as it is to be. */
function fillerFor({ run, from, bytes }: SendPlan): string {
  const bare: BenchMessage = { type: "bench.message", run, from, n: 1_000, at: now(), text: "" };
  return "x".repeat(Math.max(0, bytes - JSON.stringify(bare).length));
}
