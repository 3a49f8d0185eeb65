import type { SeededRandom } from "../support/seeded_random.ts";
import type { Cluster } from "./cluster.ts";
import type { Database } from "./database.ts";
import type { Population } from "./population.ts";
import type { Written } from "./record.ts";

/** All that faults can be made in. */
export interface World {
  readonly database: Database;
  readonly cluster: Cluster;
  readonly population: Population;
  /** What programs wrote by SQL: each fault adds its own. */
  readonly written: Written[];
}

/** What a fault needs is away, as another fault took it: it can be made later. */
export class NotMadeError extends Error {
  override readonly name = "NotMadeError";
}

/** Makes a fault and heals it; says in a few words what it did. */
export type Fault = (world: World, random: SeededRandom) => Promise<string>;
