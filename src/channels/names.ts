/** A name is shorter than this. */
export const NAME_MAX_LENGTH = 100;

const PLAIN = /^[A-Za-z0-9_.-]+$/;
const CHANNEL = /^[A-Za-z0-9_.-]+(![A-Za-z0-9_.-]+)?$/;
// Long enough for anybody, and leaves a channel's name room for the rest.
const INSTANCE = /^[A-Za-z0-9_-]{1,64}$/;
const CHARACTERS = "ASCII letters, digits, '-', '_' and '.'";

/** @throws {TypeError} which rule the name breaks */
export function assertGroupName(name: unknown): asserts name is string {
  assertName("a group", name, PLAIN, CHARACTERS);
}

/** @throws {TypeError} which rule the beginning of a channel's name breaks */
export function assertChannelPrefix(prefix: unknown): asserts prefix is string {
  assertName("a channel", prefix, PLAIN, CHARACTERS);
}

/**
 * Of a process-local channel, `specific.<instance>!<random>`, or of a queue channel, without `!`.
 *
 * @throws {TypeError} which rule the name breaks
 */
export function assertChannelName(name: unknown): asserts name is string {
  assertName(
    "a channel",
    name,
    CHANNEL,
    `${CHARACTERS}, with one '!' within if it is process-local`,
  );
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

/**
 * Of an instance, whose name is found again in those of its channels: after the last dot, before the
 * `!`.
 *
 * @throws {TypeError} which rule the name breaks
 */
export function assertInstanceName(name: unknown): asserts name is string {
  assertName("an instance", name, INSTANCE, `1 to 64 ASCII letters, digits, '-' and '_'`);
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
    throw new TypeError(`Cannot use ${describe(name)} as ${kind} name: not a string`);
  }
  const shown = `"${name.slice(0, NAME_MAX_LENGTH + 20)}"`;
  if (name.length >= NAME_MAX_LENGTH) {
    throw new TypeError(
      `Cannot use ${shown} as ${kind} name: its length ${name.length} is not below ${NAME_MAX_LENGTH}`,
    );
  }
  if (!pattern.test(name)) {
    throw new TypeError(`Cannot use ${shown} as ${kind} name: it must consist of ${rule}`);
  }
}

function describe(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
}
