import type { SeededRandom } from "../support/seeded_random.ts";
import type { Cluster } from "./cluster.ts";
import type { Database } from "./database.ts";
import type { Population } from "./population.ts";

/** All that faults can be made in. */
export interface World {
  readonly database: Database;
  readonly cluster: Cluster;
  readonly population: Population;
}

/** Makes a fault and heals it; says in a few words what it did. */
export type Fault = (world: World, random: SeededRandom) => Promise<string>;
