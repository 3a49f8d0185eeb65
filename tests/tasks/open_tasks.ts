import { Tasks, type TasksOptions } from "../../src/tasks/mod.ts";

/** Background work for a test, with what it warned of. */
export interface TestTasks extends AsyncDisposable {
  readonly tasks: Tasks;
  readonly warnings: string[];
}

/** Opens background work on a test's database. */
export async function openTasks(
  url: string,
  options: Partial<TasksOptions> = {},
): Promise<TestTasks> {
  const warnings: string[] = [];
  const tasks = await Tasks.open({
    url,
    warn: (message, error) => warnings.push(`${message}: ${(error as Error | null)?.message}`),
    ...options,
  });
  return { tasks, warnings, [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose]() };
}

const POLL_MS = 20;
const POLL_TIMEOUT_MS = 20_000;

/** Waits until something is so. */
export async function until<T>(
  what: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  timeoutMs = POLL_TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await what();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`It was never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
