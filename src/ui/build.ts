import { resolve } from "node:path";
import { renderShell } from "./shell.ts";

/** Options of {@linkcode buildPage}. */
export interface BuildPageOptions {
  /** The folder that gets `index.html` and `assets/`. */
  readonly outdir: string;
  /**
   * Makes the files small, and leaves their source maps out.
   * @default {true}
   */
  readonly minify?: boolean;
}

/**
 * Builds the web page: `index.html`, one shell for the lobby and every room, and `assets/` with the
 * script, the style and the icon, each with a hash of its content in its name, so that they may be
 * cached for ever. What an earlier build left in `assets/` is removed at the end.
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
      { in: `${source}/styles/page.css`, out: "page" },
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
  const shell = renderShell({
    script: addressOf(files, /^page-.*\.js$/),
    style: addressOf(files, /^page-.*\.css$/),
    icon: addressOf(files, /^favicon-.*\.svg$/),
  });
  // Renamed into its place, so that a server that reads at this moment never gets half of it.
  await Deno.writeTextFile(`${outdir}/index.html.new`, shell);
  await Deno.rename(`${outdir}/index.html.new`, `${outdir}/index.html`);
  await removeOthers(assets, new Set(files));
}

function addressOf(files: readonly string[], name: RegExp): string {
  const file = files.find((file) => name.test(file));
  if (!file) throw new Error(`Cannot write the page: no file like ${name} was built`);
  return `/assets/${file}`;
}

async function removeOthers(folder: string, files: ReadonlySet<string>): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!files.has(name)) await Deno.remove(`${folder}/${name}`, { recursive: true });
  }
}

if (import.meta.main) {
  const outdir = new URL("../../dist", import.meta.url).pathname;
  const built = Deno.args.includes("--if-missing") && await exists(`${outdir}/index.html`);
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
