/** A name is shorter than this. */
export const NAME_MAX_LENGTH = 100;

const PLAIN = /^[A-Za-z0-9_.-]+$/;
const CHANNEL = /^[A-Za-z0-9_.-]+(![A-Za-z0-9_.-]+)?$/;
const CHARACTERS = "ASCII letters, digits, '-', '_' and '.'";

/** @throws {TypeError} which rule the name breaks */
export function assertGroupName(name: unknown): asserts name is string {
  assertName("group", name, PLAIN, CHARACTERS);
}

/** @throws {TypeError} which rule the beginning of a channel's name breaks */
export function assertChannelPrefix(prefix: unknown): asserts prefix is string {
  assertName("channel", prefix, PLAIN, CHARACTERS);
}

/**
 * Of a process-local channel, `specific.<instance>!<random>`, or of a queue channel, without `!`.
 *
 * @throws {TypeError} which rule the name breaks
 */
export function assertChannelName(name: unknown): asserts name is string {
  assertName("channel", name, CHANNEL, `${CHARACTERS}, with one '!' within if it is process-local`);
}

/** @throws {TypeError} which rule the name breaks, or that it is a queue channel's */
export function assertLocalChannelName(name: unknown): asserts name is string {
  assertChannelName(name);
  if (isQueueChannel(name)) {
    throw new TypeError(
      `Cannot use "${name}" here: only a process-local channel, as newChannel() makes it, can be in a group`,
    );
  }
}

/** Whether a channel is kept by the queue store, and read by whichever worker comes first. */
export function isQueueChannel(channel: string): boolean {
  return !channel.includes("!");
}

/** The instance that owns a process-local channel. */
export function ownerOf(channel: string): string {
  const name = channel.slice(0, channel.indexOf("!"));
  return name.slice(name.lastIndexOf(".") + 1);
}

function assertName(kind: string, name: unknown, pattern: RegExp, rule: string): void {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot use ${describe(name)} as a ${kind} name: not a string`);
  }
  const shown = `"${name.slice(0, NAME_MAX_LENGTH + 20)}"`;
  if (name.length >= NAME_MAX_LENGTH) {
    throw new TypeError(
      `Cannot use ${shown} as a ${kind} name: its length ${name.length} is not below ${NAME_MAX_LENGTH}`,
    );
  }
  if (!pattern.test(name)) {
    throw new TypeError(`Cannot use ${shown} as a ${kind} name: it must consist of ${rule}`);
  }
}

function describe(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
}
