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
