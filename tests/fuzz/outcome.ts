const KEPT = 20;

/** What was tried and what went wrong, counted over everything. */
export class Outcome {
  readonly tried = new Map<string, number>();
  readonly failures: string[] = [];
  failed = 0;

  count(name: string, n = 1): void {
    this.tried.set(name, (this.tried.get(name) ?? 0) + n);
  }

  fail(what: string): void {
    this.failed++;
    if (this.failures.length < KEPT) this.failures.push(what);
  }

  get total(): number {
    return [...this.tried.values()].reduce((sum, n) => sum + n, 0);
  }
}
