/** Who somebody in a group is: a small JSON object. */
export type MemberInfo = { readonly [key: string]: unknown };

/** A channel's membership of a group. */
export interface Membership {
  /** What it is in. */
  readonly group: string;
  /** Who is in it: a process-local channel. */
  readonly channel: string;
  /** When it ends, in ms of the layer's clock. */
  readonly until: number;
  /** Who it is, when it was told. */
  readonly info: MemberInfo | null;
}

/** The memberships of one instance's channels, found by group and by channel. */
export class Groups {
  readonly #byGroup = new Map<string, Map<string, Membership>>();
  readonly #byChannel = new Map<string, Set<string>>();

  /** Whether there are none. */
  get empty(): boolean {
    return this.#byGroup.size === 0;
  }

  add(membership: Membership): void {
    const { group, channel } = membership;
    let members = this.#byGroup.get(group);
    if (members === undefined) this.#byGroup.set(group, members = new Map());
    members.set(channel, membership);
    let groups = this.#byChannel.get(channel);
    if (groups === undefined) this.#byChannel.set(channel, groups = new Set());
    groups.add(group);
  }

  /** False when it was no member. */
  discard(group: string, channel: string): boolean {
    const members = this.#byGroup.get(group);
    if (members?.delete(channel) !== true) return false;
    if (members.size === 0) this.#byGroup.delete(group);
    const groups = this.#byChannel.get(channel)!;
    groups.delete(group);
    if (groups.size === 0) this.#byChannel.delete(channel);
    return true;
  }

  has(group: string, channel: string): boolean {
    return this.#byGroup.get(group)?.has(channel) === true;
  }

  hasMembers(group: string): boolean {
    return this.#byGroup.has(group);
  }

  /** The groups that a channel is in. */
  of(channel: string): string[] {
    return [...this.#byChannel.get(channel) ?? []];
  }

  /** The memberships of a group as they are now: what changes meanwhile does not disturb. */
  members(group: string): Membership[] {
    return [...this.#byGroup.get(group)?.values() ?? []];
  }

  /** All memberships. */
  *all(): Iterable<Membership> {
    for (const members of this.#byGroup.values()) yield* members.values();
  }

  clear(): void {
    this.#byGroup.clear();
    this.#byChannel.clear();
  }
}
