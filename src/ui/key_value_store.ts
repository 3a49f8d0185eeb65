/** The part of `Storage` that the page uses. */
export interface KeyValueStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
}

/**
 * The browser's storage, or a store that forgets: a browser may forbid storage altogether, be out of
 * room, or throw at the mere mention of it, and the page works without.
 */
export function browserStore(kind: "localStorage" | "sessionStorage"): KeyValueStore {
  return {
    get: (key) => attempt(() => globalThis[kind].getItem(key)) ?? null,
    set: (key, value) => void attempt(() => globalThis[kind].setItem(key, value)),
    remove: (key) => void attempt(() => globalThis[kind].removeItem(key)),
  };
}

function attempt<Value>(use: () => Value): Value | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
