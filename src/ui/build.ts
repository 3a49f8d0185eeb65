import { resolve } from "node:path";
import { renderShell } from "./shell.ts";

/** Options of {@linkcode buildPage}. */
export interface BuildPageOptions {
  /** The folder that gets the pages and `assets/`. */
  readonly outdir: string;
  /**
   * Makes the files small, and leaves their source maps out.
   * @default {true}
   */
  readonly minify?: boolean;
}

/** Each page by its file, with its script and its style. */
const PAGES = [
  { file: "index.html", script: "page", style: "page" },
  { file: "tasks.html", script: "tasks", style: "operator" },
  { file: "task_example.html", script: "task_example", style: "operator" },
] as const;

/**
 * Builds the web pages: `index.html`, one shell for the lobby and every room, `tasks.html` and
 * `task_example.html` for operators, and `assets/` with their scripts, styles and the icon, each with
 * a hash of its content in its name, so that they may be cached for ever. What an earlier build left
 * in `assets/` is removed at the end.
 *
 * Throws esbuild's `BuildFailure` when the sources have an error; the files of the last build stay.
 *
 * @example
 * ```ts
 * import { buildPage } from "./build.ts";
 * await buildPage({ outdir: "dist" });
 * ```
 */
export async function buildPage(options: BuildPageOptions): Promise<void> {
  const minify = options.minify ?? true;
  const outdir = resolve(options.outdir);
  const assets = `${outdir}/assets`;
  const source = import.meta.dirname!;
  // Both the process of an asynchronous build and the thread of a synchronous one live on for a while
  // after it. Without threads a synchronous build is one process, which has ended when it returns.
  Deno.env.set("ESBUILD_WORKER_THREADS", "0");
  const { buildSync } = await import("esbuild");
  const { metafile } = buildSync({
    entryPoints: [
      { in: `${source}/main.tsx`, out: "page" },
      { in: `${source}/tasks/main.tsx`, out: "tasks" },
      { in: `${source}/task_example/main.tsx`, out: "task_example" },
      { in: `${source}/styles/page.css`, out: "page" },
      { in: `${source}/styles/operator.css`, out: "operator" },
      { in: `${source}/assets/favicon.svg`, out: "favicon" },
    ],
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    outdir: assets,
    absWorkingDir: source,
    bundle: true,
    format: "esm",
    target: ["es2022", "safari16", "chrome108", "firefox110"],
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy" },
    minify,
    sourcemap: minify ? false : "linked",
    legalComments: "none",
    logLevel: "silent",
    metafile: true,
  });
  const files = Object.keys(metafile.outputs).map((path) => path.slice(path.lastIndexOf("/") + 1));
  for (const { file, script, style } of PAGES) {
    const shell = renderShell({
      script: addressOf(files, script, "js"),
      style: addressOf(files, style, "css"),
      icon: addressOf(files, "favicon", "svg"),
    });
    // Renamed into its place, so that a server that reads at this moment never gets half of it.
    await Deno.writeTextFile(`${outdir}/${file}.new`, shell);
    await Deno.rename(`${outdir}/${file}.new`, `${outdir}/${file}`);
  }
  await removeOthers(assets, new Set(files));
}

function addressOf(files: readonly string[], name: string, extension: string): string {
  const file = files.find((file) => file.startsWith(`${name}-`) && file.endsWith(`.${extension}`));
  if (!file) throw new Error(`Cannot write the pages: no file "${name}-*.${extension}" was built`);
  return `/assets/${file}`;
}

async function removeOthers(folder: string, files: ReadonlySet<string>): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!files.has(name)) await Deno.remove(`${folder}/${name}`, { recursive: true });
  }
}

if (import.meta.main) {
  const outdir = new URL("../../dist", import.meta.url).pathname;
  const there = await Promise.all(PAGES.map(({ file }) => exists(`${outdir}/${file}`)));
  const built = Deno.args.includes("--if-missing") && there.every(Boolean);
  if (!built) await buildPage({ outdir });
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
