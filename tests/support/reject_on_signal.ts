/**
 * Loaded before a server (`--preload`): at SIGUSR1 a promise is rejected that nobody waits for.
 *
 * @module
 */
Deno.addSignalListener("SIGUSR1", () => void Promise.reject(new Error("Nobody waits")));
