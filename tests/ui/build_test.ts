import assert from "node:assert/strict";
import { relative } from "node:path";
import { buildPage } from "../../src/ui/build.ts";

Deno.test("the shell refers to hashed files that are there, and has nothing inline", async () => {
  const outdir = await Deno.makeTempDir();
  try {
    await buildPage({ outdir: relative(Deno.cwd(), outdir) });
    for (const file of ["index.html", "tasks.html", "task_example.html"]) {
      const html = await Deno.readTextFile(`${outdir}/${file}`);
      const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)]
        .map(([, address]) => address!);
      assert.equal(addresses.length, 3);
      for (const address of addresses) {
        assert.match(address, /^\/assets\/[a-z_]+-[A-Z0-9]{8}\.(js|css|svg)$/);
        assert.ok((await Deno.stat(outdir + address)).size > 0);
      }
      assert.doesNotMatch(html, /<style|style=|<script>|\son\w+=/);
      assert.match(html, /<noscript>/);
    }
  } finally {
    await Deno.remove(outdir, { recursive: true });
  }
});

Deno.test("a build removes what an earlier one left, and gives the same names for the same sources", async () => {
  const outdir = await Deno.makeTempDir();
  try {
    await buildPage({ outdir, minify: false });
    const first = await Deno.readTextFile(`${outdir}/index.html`);
    await Deno.writeTextFile(`${outdir}/assets/page-OLD.js`, "old");
    await buildPage({ outdir, minify: false });
    assert.equal(await Deno.readTextFile(`${outdir}/index.html`), first);
    const names = (await Array.fromAsync(Deno.readDir(`${outdir}/assets`))).map(({ name }) => name);
    assert.equal(names.includes("page-OLD.js"), false);
    assert.equal(names.filter((name) => name.endsWith(".js")).length, 3);
  } finally {
    await Deno.remove(outdir, { recursive: true });
  }
});

Deno.test("the page carries no schema library and no script of another origin", async () => {
  const outdir = await Deno.makeTempDir();
  try {
    await buildPage({ outdir });
    let scripts = 0;
    for await (const { name } of Deno.readDir(`${outdir}/assets`)) {
      if (!name.endsWith(".js")) continue;
      const script = await Deno.readTextFile(`${outdir}/assets/${name}`);
      assert.doesNotMatch(script, /zod|import\s*\(\s*["']https?:/i);
      assert.ok(script.length < 100_000, `${name} has ${script.length} bytes`);
      scripts++;
    }
    assert.equal(scripts, 3);
  } finally {
    await Deno.remove(outdir, { recursive: true });
  }
});
