import { delay } from "../delay.ts";
import type { Fault } from "../world.ts";

/** All connections between an instance and PostgreSQL are reset, and none can be made for a while. */
export const cutLink: Fault = async ({ cluster }, random) => {
  const { number, database } = random.pick(cluster.members);
  const ms = random.whole(0, 3_000);
  database.refuse();
  database.cut();
  await delay(ms);
  database.resume();
  return `instance ${number} for ${ms} ms`;
};

/** The network swallows what an instance and PostgreSQL say to each other: half-open connections. */
export const swallowLink: Fault = async ({ cluster }, random) => {
  const { number, database } = random.pick(cluster.members);
  const ms = random.whole(3_000, 15_000);
  database.swallow();
  await delay(ms);
  database.resume();
  return `instance ${number} for ${ms} ms`;
};

const FREEZE_MS = 15_000;

/** Nothing is read from a listener's connection, while all others work. */
export const freezeListener: Fault = async ({ cluster }, random) => {
  const { number, database } = random.pick(cluster.members);
  database.hold("maru-listener");
  await delay(FREEZE_MS);
  database.resume();
  return `instance ${number} for ${FREEZE_MS} ms`;
};
