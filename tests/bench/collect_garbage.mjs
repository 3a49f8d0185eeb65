// Loaded before a server by Deno (--preload) and Node (--import), with --expose-gc: memory is read
// after a collection, where else it is a matter of luck how long ago the last one was.
import process from "node:process";

process.on("SIGUSR2", () => {
  globalThis.gc();
  // A newer V8 keeps the pages that it has emptied, unless memory runs short.
  globalThis.gc({ type: "major", execution: "sync", flavor: "last-resort" });
});
