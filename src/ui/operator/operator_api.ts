import { type RequestOptions, systemClock } from "../../client/mod.ts";
import { request, type RequestSurroundings } from "../../client/request.ts";
import type { OperatorInfo, TaskJob, TaskSchedule } from "../../protocol/task_bodies.ts";

const SESSION = "/api/admin/session";
const TASKS = "/api/admin/tasks";

/** What operators ask of the server. It throws as `Api` does. */
export class OperatorApi {
  readonly #surroundings: RequestSurroundings;

  constructor(surroundings: Partial<RequestSurroundings> = {}) {
    this.#surroundings = {
      baseUrl: surroundings.baseUrl ?? location.origin,
      fetch: surroundings.fetch ?? globalThis.fetch.bind(globalThis),
      clock: surroundings.clock ?? systemClock,
    };
  }

  /** Whether one is an operator. */
  whoami(options: RequestOptions = {}): Promise<OperatorInfo> {
    return request(this.#surroundings, "GET", SESSION, options);
  }

  signIn(token: string): Promise<OperatorInfo> {
    return request(this.#surroundings, "PUT", SESSION, { body: { token } });
  }

  signOut(): Promise<OperatorInfo> {
    return request(this.#surroundings, "DELETE", SESSION);
  }

  job(id: string): Promise<TaskJob> {
    return request(this.#surroundings, "GET", jobPath(id));
  }

  retry(id: string): Promise<TaskJob> {
    return request(this.#surroundings, "POST", `${jobPath(id)}/retries`);
  }

  cancel(id: string): Promise<TaskJob> {
    return request(this.#surroundings, "PUT", `${jobPath(id)}/cancellation`);
  }

  pause(schedule: string): Promise<TaskSchedule> {
    return request(this.#surroundings, "PUT", `${schedulePath(schedule)}/pause`);
  }

  resume(schedule: string): Promise<TaskSchedule> {
    return request(this.#surroundings, "DELETE", `${schedulePath(schedule)}/pause`);
  }

  run(schedule: string): Promise<{ readonly job: string }> {
    return request(this.#surroundings, "POST", `${schedulePath(schedule)}/runs`);
  }
}

function jobPath(id: string): string {
  return `${TASKS}/jobs/${encodeURIComponent(id)}`;
}

function schedulePath(name: string): string {
  return `${TASKS}/schedules/${encodeURIComponent(name)}`;
}
