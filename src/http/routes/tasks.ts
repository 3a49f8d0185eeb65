import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import {
  jobBody,
  jobListBody,
  jobListQuery,
  queueListBody,
  scheduleBody,
  scheduleListBody,
  scheduleRunBody,
} from "../../protocol/task_bodies.ts";
import { errorCode } from "../../db/errors.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { json, refusals } from "../openapi.ts";
import { problem } from "../problem.ts";
import type { TaskBoard } from "../task_board.ts";
import { jobSummaryView, jobView, queueView, scheduleView } from "../task_views.ts";

const ROOT = "/api/admin/tasks";
const UNIQUE_VIOLATION = "23505";

const jobParams = z.object({ id: z.string().meta({ format: "uuid" }) });
const scheduleParams = z.object({
  // PostgreSQL refuses a text with a NUL.
  name: z.string().refine((name) => !name.includes("\0"), { error: "Must have no NUL" })
    .meta({ example: "nightly report" }),
});

const STRANGERS = {
  401: "You are not an operator",
  503: "Not now: send the same again",
} as const;
const NO_JOB = { ...STRANGERS, 404: "There is no such job, or it is no longer kept" } as const;
const NO_SCHEDULE = {
  ...STRANGERS,
  400: "This can be no schedule's name",
  404: "There is no such schedule",
} as const;

/**
 * `/api/admin/tasks`: background work, to be looked at and decided about. Only operators get here:
 * `mountAdministration` comes first.
 */
export function mountTasks(
  app: OpenAPIHono<RequestEnvironment>,
  board: TaskBoard,
  { tasks }: HttpOptions,
): void {
  app.openapi(
    createRoute({
      method: "get",
      path: ROOT,
      tags: ["Background work"],
      summary: "The tasks in figures",
      responses: { 200: json(queueListBody, "The figures"), ...refusals(STRANGERS) },
    }),
    async (c) => c.json({ queues: (await tasks.overview()).map(queueView) }, 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: `${ROOT}/jobs`,
      tags: ["Background work"],
      summary: "List the jobs in one state",
      description: "Those that have ended: the last first. The others in the order of their time.",
      request: { query: jobListQuery },
      responses: {
        200: json(jobListBody, "The jobs"),
        ...refusals({ ...STRANGERS, 400: "Something in the request is not valid" }),
      },
    }),
    async (c) => {
      const { state, task, limit } = c.req.valid("query");
      const jobs = await tasks.list({ state, limit, ...(task === undefined ? {} : { task }) });
      return c.json({ jobs: jobs.map(jobSummaryView) }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: `${ROOT}/jobs/{id}`,
      tags: ["Background work"],
      summary: "A job",
      request: { params: jobParams },
      responses: { 200: json(jobBody, "All of it"), ...refusals(NO_JOB) },
    }),
    (c) => showJob(c, c.req.valid("param").id) as never,
  );

  app.openapi(
    createRoute({
      method: "post",
      path: `${ROOT}/jobs/{id}/retries`,
      tags: ["Background work"],
      summary: "Try a failed job again",
      description: "Queues it once more, for one attempt.",
      request: { params: jobParams },
      responses: {
        200: json(jobBody, "The job, which waits now"),
        ...refusals({
          ...NO_JOB,
          409: "It has not failed, or another job with its unique key waits or runs",
        }),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      try {
        if (await tasks.retry(id)) return await changed(c, id) as never;
      } catch (error) {
        if (errorCode((error as Error).cause) !== UNIQUE_VIOLATION) throw error;
        return problem(c, "wrong_state", {
          detail: `Job ${id} cannot be tried again: another with its unique key waits or runs`,
        }) as never;
      }
      return await notChanged(c, id, "tried again") as never;
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: `${ROOT}/jobs/{id}/cancellation`,
      tags: ["Background work"],
      summary: "Cancel a job",
      description: "One that waits never runs; a running one is asked to end within two seconds. " +
        "To cancel it again changes nothing.",
      request: { params: jobParams },
      responses: {
        200: json(jobBody, "The job, which is cancelled"),
        ...refusals({ ...NO_JOB, 409: "It is done, or has failed" }),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      if (await tasks.cancel(id)) return await changed(c, id) as never;
      return await notChanged(c, id, "cancelled", "cancelled") as never;
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: `${ROOT}/schedules`,
      tags: ["Background work"],
      summary: "List the schedules",
      responses: { 200: json(scheduleListBody, "All, by name"), ...refusals(STRANGERS) },
    }),
    async (c) => c.json({ schedules: (await tasks.schedules()).map(scheduleView) }, 200),
  );

  app.openapi(
    createRoute({
      method: "put",
      path: `${ROOT}/schedules/{name}/pause`,
      tags: ["Background work"],
      summary: "Let a schedule rest",
      request: { params: scheduleParams },
      responses: { 200: json(scheduleBody, "It rests"), ...refusals(NO_SCHEDULE) },
    }),
    async (c) => {
      const { name } = c.req.valid("param");
      return await showSchedule(c, name, await tasks.pauseSchedule(name)) as never;
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: `${ROOT}/schedules/{name}/pause`,
      tags: ["Background work"],
      summary: "Let a schedule go on",
      description: "With its next tick: those of the pause are not made up for.",
      request: { params: scheduleParams },
      responses: { 200: json(scheduleBody, "It goes on"), ...refusals(NO_SCHEDULE) },
    }),
    async (c) => {
      const { name } = c.req.valid("param");
      return await showSchedule(c, name, await tasks.resumeSchedule(name)) as never;
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: `${ROOT}/schedules/{name}/runs`,
      tags: ["Background work"],
      summary: "Queue a schedule's job now",
      description: "Beside its ticks, paused or not.",
      request: { params: scheduleParams },
      responses: { 201: json(scheduleRunBody, "It is queued"), ...refusals(NO_SCHEDULE) },
    }),
    async (c) => {
      const { name } = c.req.valid("param");
      const job = await tasks.runSchedule(name);
      if (job === null) return noSchedule(c, name) as never;
      board.lookSoon();
      return c.json({ job: job.id }, 201);
    },
  );

  async function changed(c: Context, id: string): Promise<Response> {
    board.lookSoon();
    return await showJob(c, id);
  }

  async function showJob(c: Context, id: string): Promise<Response> {
    const job = await tasks.show(id);
    return job === null ? noJob(c, id) : c.json(jobView(job), 200);
  }

  /** There is no such job, or it is in a state in which it cannot be done, or need not. */
  async function notChanged(
    c: Context,
    id: string,
    what: string,
    already?: string,
  ): Promise<Response> {
    const job = await tasks.show(id);
    if (job === null) return noJob(c, id);
    if (job.state === already) return c.json(jobView(job), 200);
    return problem(c, "wrong_state", { detail: `Job ${id} is ${job.state}: it cannot be ${what}` });
  }

  async function showSchedule(c: Context, name: string, found: boolean): Promise<Response> {
    const schedule = found && (await tasks.schedules()).find((schedule) => schedule.name === name);
    if (!schedule) return noSchedule(c, name);
    board.lookSoon();
    return c.json(scheduleView(schedule), 200);
  }
}

function noJob(c: Context, id: string): Response {
  return problem(c, "not_found", { detail: `There is no job ${id}` });
}

function noSchedule(c: Context, name: string): Response {
  return problem(c, "not_found", { detail: `There is no schedule "${name}"` });
}
