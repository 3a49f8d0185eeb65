import type { Report } from "./results.ts";
export async function writePage(path: string, report: Report): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(report, null, 1));
}
