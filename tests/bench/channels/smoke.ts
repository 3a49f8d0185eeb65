import type { Carrier } from "./commands.ts";
import { Fleet, type FleetOptions, type LoadResult } from "./fleet.ts";

const CARRIERS: readonly Carrier[] = ["layer", "awaited", "pipelined"];
const SENDERS = 2;
const RECEIVERS = 2;
const GROUPS = 3;
const LOADS = [
  { bytes: 100, rate: 300, window: 1 },
  { bytes: 100, rate: null, window: 200 },
  { bytes: 20_480, rate: null, window: 20 },
] as const;
const LOAD_SECONDS = 0.3;

/**
 * Every carrier, from two senders to two receivers, at a rate and as fast as it can: whether all came
 * once, in the order of each sender and group. Time is no matter.
 */
export async function smoke(
  server: Pick<FleetOptions, "url" | "postgresPid">,
): Promise<boolean> {
  await using fleet = new Fleet({ ...server, senders: SENDERS, receivers: RECEIVERS });
  let correct = true;
  for (const carrier of CARRIERS) {
    await using scene = await fleet.open({
      carrier,
      groups: GROUPS,
      senders: SENDERS,
      receivers: RECEIVERS,
    });
    for (const load of LOADS) {
      const window = carrier === "awaited" ? 1 : load.window;
      const result = await scene.load({
        ...load,
        window,
        seconds: LOAD_SECONDS,
        warmUpSeconds: 0,
      });
      const { sent, lost, doubled, disordered } = result;
      console.log(
        `${carrier}, ${load.bytes} bytes: ${sent} sent, ` +
          `${lost} lost, ${doubled} doubled, ${disordered} disordered`,
      );
      correct &&= isCorrect(result);
    }
  }
  console.log(correct ? "All correct" : "Something was lost, doubled or disordered");
  return correct;
}

function isCorrect({ sent, lost, doubled, disordered }: LoadResult): boolean {
  return sent > 0 && lost + doubled + disordered === 0;
}
