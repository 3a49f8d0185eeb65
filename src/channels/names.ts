/** A name is shorter than this. */
export const NAME_MAX_LENGTH = 100;

const GROUP = /^[A-Za-z0-9_.-]+$/;
const LOCAL_CHANNEL = /^[A-Za-z0-9_.-]+![A-Za-z0-9_.-]+$/;

/** @throws {TypeError} which rule the name breaks */
export function assertGroupName(name: unknown): asserts name is string {
  assertName("group", name, GROUP, "ASCII letters, digits, '-', '_' and '.'");
}

/** @throws {TypeError} which rule the name breaks */
export function assertLocalChannelName(name: unknown): asserts name is string {
  assertName(
    "channel",
    name,
    LOCAL_CHANNEL,
    "ASCII letters, digits, '-', '_' and '.' with one '!', as newChannel() makes it",
  );
}

function assertName(kind: string, name: unknown, pattern: RegExp, rule: string): void {
  const shown = typeof name === "string"
    ? `"${name.slice(0, NAME_MAX_LENGTH + 20)}"`
    : String(name);
  if (typeof name !== "string") {
    throw new TypeError(`Cannot use ${shown} as a ${kind} name: not a string`);
  }
  if (name.length >= NAME_MAX_LENGTH) {
    throw new TypeError(
      `Cannot use ${shown} as a ${kind} name: its length ${name.length} is not below ${NAME_MAX_LENGTH}`,
    );
  }
  if (!pattern.test(name)) {
    throw new TypeError(`Cannot use ${shown} as a ${kind} name: it must consist of ${rule}`);
  }
}
