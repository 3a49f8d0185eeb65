/**
 * The environment of a process whose memory is measured: has the C library give freed buffers back
 * to the system, so that what is measured is in use.
 */
export const GIVING_BACK: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: "16384",
  MALLOC_TRIM_THRESHOLD_: "65536",
};

/** The memory of a process that is in RAM, in MiB. */
export async function memoryMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}
