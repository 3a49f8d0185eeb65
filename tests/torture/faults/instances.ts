import { delay } from "../delay.ts";
import type { Fault } from "../world.ts";

/** A process dies, and a new one starts. */
export const kill: Fault = async ({ cluster }, random) => {
  const member = random.pick(cluster.members);
  await cluster.kill(member);
  const ms = random.whole(0, 3_000);
  await delay(ms);
  await cluster.start(member);
  return `instance ${member.number}, started again after ${ms} ms`;
};

const FREEZE_MS = 10_000;

/** A process stands still, with all its connections open. */
export const freeze: Fault = async ({ cluster }, random) => {
  const member = random.pick(cluster.members);
  await cluster.freeze(member, FREEZE_MS);
  return `instance ${member.number} for ${FREEZE_MS} ms`;
};

/** A process is asked to go, and a new one takes its place. */
export const drain: Fault = async ({ cluster }, random) => {
  const member = random.pick(cluster.members);
  const startedAt = performance.now();
  await cluster.drain(member);
  const ms = Math.round(performance.now() - startedAt);
  await cluster.start(member);
  return `instance ${member.number}, gone after ${ms} ms`;
};

/** All of them, one after the other. */
export const rollingRestart: Fault = async ({ cluster }, random) => {
  const order = random.shuffle(cluster.members);
  for (const member of order) {
    await cluster.drain(member);
    await cluster.start(member);
  }
  return `instances ${order.map(({ number }) => number).join(", ")}`;
};
