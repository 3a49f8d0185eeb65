import { lines } from "../measure.ts";

/** A process of the bench's own, that does what it is told. */
export interface WorkerProcess<Command> extends AsyncDisposable {
  readonly pid: number;
  /** Settles with its answer; one command at a time. */
  ask<Answer>(command: Command): Promise<Answer>;
}

/** Starts a program that {@linkcode answerCommands}. */
export function startWorkerProcess<Command>(
  program: string,
  flags: readonly string[] = [],
): WorkerProcess<Command> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env", ...flags, program],
    cwd: new URL("../../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const answers = lines(child.stdout);
  return {
    pid: child.pid,
    async ask<Answer>(command: Command) {
      await input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
      const { value, done } = await answers.next();
      if (done) throw new Error(`Cannot go on: "${program}" has ended`);
      return JSON.parse(value) as Answer;
    },
    async [Symbol.asyncDispose]() {
      // It ends by itself, so that a profile of it is written.
      await input.close().catch(() => {});
      for await (const _ of answers);
      await child.status;
    },
  };
}

/** The other side: does one command after the other until its input ends. */
export async function answerCommands<Command>(
  answer: (command: Command) => Promise<unknown>,
): Promise<void> {
  for await (const line of lines(Deno.stdin.readable)) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Command) ?? null));
  }
}
