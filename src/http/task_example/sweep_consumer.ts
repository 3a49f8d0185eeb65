import { z } from "zod";
import { isUnavailable } from "../../db/errors.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { SweepFrame, SweepStatus } from "../../protocol/task_bodies.ts";
import type { Job, JobInfo, Tasks } from "../../tasks/mod.ts";
import {
  errorFrame,
  OperatorConsumer,
  type OperatorConsumerOptions,
} from "../sockets/operator_consumer.ts";
import { type SweepResult, sweepTask } from "./sweep_task.ts";

/** What the page sends. */
const command = z.discriminatedUnion("type", [
  z.object({ type: z.literal("start"), breaks: z.boolean().default(false) }),
  z.object({ type: z.literal("follow"), id: z.string() }),
  z.object({ type: z.literal("cancel") }),
]);

/**
 * The socket of the page `/examples/task/`: starts a task, follows it or one that was started
 * before, and cancels it. What happens to the task comes from whichever worker has it, through the
 * channel layer.
 */
export class SweepConsumer extends OperatorConsumer {
  readonly #tasks: Tasks;
  #job: Job<SweepResult> | undefined;
  #following = new AbortController();

  constructor(tasks: Tasks, options: OperatorConsumerOptions) {
    super(options);
    this.#tasks = tasks;
  }

  protected override opened(): void {
    this.sendJson({ type: "ready" } satisfies SweepFrame);
  }

  protected override async receiveObject(object: unknown): Promise<void> {
    const { success, data } = command.safeParse(object);
    if (!success) return this.end("bad_frame", CLOSE.BAD_FRAME);
    try {
      await this.#obey(data);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.sendJson(errorFrame("database_unavailable"));
    }
  }

  async #obey(data: z.output<typeof command>): Promise<void> {
    if (data.type === "cancel") return void await this.#job?.cancel();
    const job = data.type === "start"
      ? await this.#tasks.delay(sweepTask, { breaks: data.breaks })
      : await this.#tasks.job(sweepTask, data.id);
    if (job === null) return this.sendJson(errorFrame("not_found"));
    this.#following.abort();
    this.#following = new AbortController();
    this.#job = job;
    this.#follow(job, AbortSignal.any([this.left, this.#following.signal]))
      // Such as a job that is no longer kept: whoever comes back is told so.
      .catch(() => this.end("internal", CLOSE.GOING_AWAY));
  }

  async #follow(job: Job<SweepResult>, signal: AbortSignal): Promise<void> {
    for await (const info of job.watch({ signal })) this.sendJson(sweepFrame(info));
  }
}

function sweepFrame({ id, state, progress, result, error }: JobInfo<SweepResult>): SweepStatus {
  return {
    type: "task",
    id,
    state,
    ...(progress === undefined ? {} : { progress }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error: error.message }),
  };
}
