/** Options of {@linkcode climb}. */
export interface ClimbOptions<Step> {
  /** Tries a rate. */
  readonly attempt: (rate: number) => Promise<Step>;
  /** How often the gap between the highest that passed and the lowest that failed is halved. @default 2 */
  readonly bisections?: number;
}

/**
 * Tries rates upwards until the first that fails, then between it and the last that passed; between
 * it and nothing when the first fails. Returns the steps in the order of their rates.
 */
export async function climb<Step extends { readonly rate: number; readonly passed: boolean }>(
  rates: readonly number[],
  { attempt, bisections = 2 }: ClimbOptions<Step>,
): Promise<Step[]> {
  const steps: Step[] = [];
  let passed = 0;
  let failed: number | null = null;
  for (const rate of rates) {
    const step = await attempt(rate);
    steps.push(step);
    if (!step.passed) {
      failed = rate;
      break;
    }
    passed = rate;
  }
  for (let i = 0; failed !== null && i < bisections; i++) {
    const step = await attempt(Math.round((passed + failed) / 2));
    steps.push(step);
    if (step.passed) passed = step.rate;
    else failed = step.rate;
  }
  return steps.sort((a, b) => a.rate - b.rate);
}
