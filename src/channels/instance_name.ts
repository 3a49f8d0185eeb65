import process from "node:process";

let opened = 0;

/**
 * A name for an instance, 32 hexadecimal digits, that nobody else has: from the clock, the process
 * and a count as well as from chance, for a generator that was seeded (`deno run --seed`) repeats.
 */
export function newInstanceName(): string {
  opened = (opened + 1) % 0x1000;
  return hex(Date.now(), 11) + hex(process.pid, 6) + hex(opened, 3) +
    crypto.randomUUID().replaceAll("-", "").slice(0, 12);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0").slice(-digits);
}
