import type { WarnHandler } from "../channels/mod.ts";
import { isUnavailable } from "../db/errors.ts";
import type { Outcome } from "./attempt.ts";
import type { Claim, Claims } from "./claims.ts";
import type { TaskEvents } from "./events.ts";
import type { JobError } from "./job_info.ts";

/** Records how attempts ended, and tells who waits for it. */
export class Endings {
  readonly #claims: Claims;
  readonly #events: TaskEvents;
  readonly #warn: WarnHandler;

  constructor(claims: Claims, events: TaskEvents, warn: WarnHandler) {
    this.#claims = claims;
    this.#events = events;
    this.#warn = warn;
  }

  /** Never rejects: what could not be recorded will be found by those who look for the dead. */
  async record(claim: Claim, outcome: Outcome, keepResultMs: number): Promise<void> {
    try {
      if (outcome.kind === "done") await this.#done(claim, outcome.result, keepResultMs);
      else if (outcome.kind === "failed") {
        await this.#failed(claim, outcome.error, outcome.permanent);
      } else if (outcome.kind === "stopped") await this.#claims.giveBack(claim);
    } catch (error) {
      this.#warn(`Cannot record the end of job "${claim.id}" of "${claim.name}"`, error);
    }
  }

  async #done(claim: Claim, result: string, keepResultMs: number): Promise<void> {
    const { id, name: task } = claim;
    let counted: boolean;
    try {
      counted = await this.#claims.complete(claim, result, keepResultMs);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      // Such as a number that jsonb does not hold: it would not do so the next time.
      const message = `Cannot keep the result of task "${task}": ${(error as Error).message}`;
      await this.#failed(claim, { name: "PermanentTaskError", message }, true);
      return;
    }
    if (counted) this.#events.send({ type: "task.done", id, task });
  }

  async #failed(claim: Claim, error: JobError, permanent: boolean): Promise<void> {
    const { id, name: task, retryCount, retryLimit } = claim;
    const { message } = error;
    const counted = await this.#claims.fail(claim, error, permanent);
    if (counted && (permanent || retryCount >= retryLimit)) {
      this.#events.send({ type: "task.failed", id, task, message });
    }
  }
}
