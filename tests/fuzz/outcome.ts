const EXAMPLES = 3;

/** What was tried and what went wrong, counted over everything. */
export class Outcome {
  readonly tried = new Map<string, number>();
  readonly #failures = new Map<string, { count: number; examples: string[] }>();

  count(name: string, n = 1): void {
    this.tried.set(name, (this.tried.get(name) ?? 0) + n);
  }

  /** @param what the kind, up to the first colon, then the particulars */
  fail(what: string): void {
    const kind = what.split(":", 1)[0]!;
    const known = this.#failures.get(kind) ?? { count: 0, examples: [] };
    this.#failures.set(kind, known);
    known.count++;
    if (known.examples.length < EXAMPLES) known.examples.push(what);
  }

  /** Waits for a part of the run. What it throws is a failure, and the other parts go on. */
  async watch(part: Promise<void>): Promise<void> {
    try {
      await part;
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  get total(): number {
    return [...this.tried.values()].reduce((sum, n) => sum + n, 0);
  }

  get failed(): number {
    return [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** A few lines of each kind of failure. */
  *lines(): Iterable<string> {
    for (const [kind, { count, examples }] of this.#failures) {
      yield `FAILED: ${kind} (${count} times)`;
      for (const example of examples) yield `    ${example}`;
    }
  }
}
