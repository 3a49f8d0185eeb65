import assert from "node:assert/strict";
import { CONFIG_NAMES } from "../src/config.ts";
import { SERVER_PERMISSIONS } from "../src/dev/server_permissions.ts";

/** Which rooms of the house may enter which, beside themselves; a file where only that is open. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  channels: [],
  protocol: [],
  db: [],
  accounts: ["db", "protocol"],
  tasks: ["db", "channels/mod.ts"],
  chat: ["channels/mod.ts", "tasks/mod.ts", "accounts/mod.ts", "db", "protocol"],
  http: [
    "chat/mod.ts",
    "accounts/mod.ts",
    "tasks/mod.ts",
    "channels/mod.ts",
    "protocol",
    "db/errors.ts",
  ],
  client: ["protocol"],
  ui: ["client", "protocol"],
  dev: ["config.ts", "db"],
  cli: ["tasks/mod.ts", "dev"],
};

const IMPORT = /(?:import|export)\s(?:[^"';]*?\sfrom\s)?"([^"]+)"|import\("([^"]+)"\)/g;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

async function imports(path: string): Promise<{ statement: string; target: string }[]> {
  // Without the examples in doc comments.
  const text = (await Deno.readTextFile(path)).replace(/^\s*\*.*$/gm, "");
  return [...text.matchAll(IMPORT)].map((match) => ({
    statement: match[0],
    target: (match[1] ?? match[2])!,
  }));
}

/** `src/chat/hub.ts` + `../db/pool.ts` = `db/pool.ts`; null outside of src. */
function withinSrc(path: string, target: string): string | null {
  if (!target.startsWith(".")) return null;
  const { pathname } = new URL(target, `file:///${path}`);
  return pathname.startsWith("/src/") ? pathname.slice("/src/".length) : null;
}

Deno.test("imports follow the arrows of the architecture", async () => {
  const broken: string[] = [];
  for await (const path of sources("src")) {
    const room = path.split("/")[1]!;
    const allowed = ARROWS[room];
    if (allowed === undefined) {
      assert.match(
        room,
        /^(main|app|background|config|ground|listen|logger|migrate|migrate_all|worker)\.ts$/,
        `${path} is in no room`,
      );
      continue;
    }
    for (const { statement, target } of await imports(path)) {
      const file = withinSrc(path, target);
      if (file === null || file.startsWith(`${room}/`)) continue;
      const open = allowed.some((door) => file === door || file.startsWith(`${door}/`));
      if (!open) broken.push(`${path}: ${statement}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("the client imports only types and codes of the protocol, and no package", async () => {
  for await (const path of sources("src/client")) {
    for (const { statement, target } of await imports(path)) {
      const file = withinSrc(path, target);
      assert.ok(file !== null, `${path} imports ${target}`);
      if (file.startsWith("client/") || file === "protocol/codes.ts") continue;
      assert.match(statement, /^(import|export) type\s/, `${path}: ${statement}`);
    }
  }
});

Deno.test("nobody but tests imports the composition root", async () => {
  for await (const path of sources("src")) {
    for (const { target } of await imports(path)) {
      const file = withinSrc(path, target);
      if (file === "app.ts" || file === "worker.ts") assert.equal(path, "src/main.ts");
      assert.notEqual(file, "main.ts", path);
    }
  }
});

Deno.test("a module of re-exports names what it exports", async () => {
  for await (const path of sources("src")) {
    if (!path.endsWith("/mod.ts")) continue;
    const text = await Deno.readTextFile(path);
    assert.doesNotMatch(text, /export \*/, path);
    assert.doesNotMatch(text, /^(const|let|function|class) /m, path);
  }
});

Deno.test("the image, the task and the tests give the server the same permissions", async () => {
  const dockerfile = await Deno.readTextFile("Dockerfile");
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const fly = await Deno.readTextFile("fly.toml");
  const [app, worker] = ["app", "worker"].map((name) =>
    new RegExp(`^  ${name} = "(.*)"$`, "m").exec(fly)?.[1]
  );
  for (const flag of SERVER_PERMISSIONS) {
    assert.ok(app?.includes(` ${flag} `), `fly.toml, app: ${flag}`);
    assert.ok(worker?.includes(` ${flag} `), `fly.toml, worker: ${flag}`);
    assert.ok(dockerfile.includes(`"${flag}"`), `Dockerfile: ${flag}`);
    assert.ok(tasks.start.command.includes(flag), `start: ${flag}`);
    assert.ok(tasks.worker.command.includes(flag), `worker: ${flag}`);
  }
  assert.doesNotMatch(dockerfile.slice(dockerfile.indexOf("CMD")), /allow-all|-A\b/);
});

Deno.test("every variable of the environment is in the README", async () => {
  const readme = await Deno.readTextFile("README.md");
  for (const name of CONFIG_NAMES) assert.ok(readme.includes(`\`${name}\``), name);
});

Deno.test("the project speaks of itself alone", async () => {
  for await (const path of sources("src")) {
    assert.doesNotMatch(await Deno.readTextFile(path), /\/work\/|\.\.\/shared/, path);
  }
});
