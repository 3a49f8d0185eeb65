// What the kernel counts in: USER_HZ, 100 on every Linux that Deno runs on.
const TICK_MS = 10;

/** CPU time of one process so far, user and system, in ms. */
export async function processCpuMs(pid: number): Promise<number> {
  const fields = await statFields(pid);
  return fields === null ? 0 : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** CPU time of a process with its children, those that have ended, too, in ms. */
export async function familyCpuMs(pid: number): Promise<number> {
  const own = await statFields(pid);
  if (own === null) return 0;
  let ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(own[field]), 0);
  for await (const entry of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const fields = await statFields(Number(entry.name));
    if (fields !== null && Number(fields[1]) === pid) {
      ticks += Number(fields[11]) + Number(fields[12]);
    }
  }
  return ticks * TICK_MS;
}

/** The fields of /proc/PID/stat after the name, which may hold spaces: [0] is the state. */
async function statFields(pid: number): Promise<string[] | null> {
  try {
    const text = await Deno.readTextFile(`/proc/${pid}/stat`);
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** CPU time so far of a process that has one thread, in ms, to the ns; 0 when it is gone. */
export async function threadCpuMs(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/schedstat`).catch(() => "0");
  return Number(text.split(" ")[0]) / 1e6;
}
