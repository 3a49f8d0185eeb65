import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { meBody, updateMeBody } from "../../protocol/bodies.ts";
import { PERSON_NAME_MAX_CODE_POINTS } from "../../protocol/codes.ts";
import { parsePersonName } from "../../protocol/text.ts";
import type { Person } from "../../accounts/mod.ts";
import type { HttpOptions, RequestEnvironment } from "../context.ts";
import { preferredLanguage, rememberGuest } from "../middleware/identity.ts";
import { json, problems } from "../openapi.ts";
import { problem } from "../problem.ts";

/** `/api/me`: who somebody is, and what they are called. */
export function mountPeople(app: OpenAPIHono<RequestEnvironment>, options: HttpOptions): void {
  const { accounts, chat, guests } = options;

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/me",
      tags: ["People"],
      summary: "Who I am",
      description: "Makes a guest, and sets the cookie that knows them again, where guests may be.",
      responses: { 200: json(meBody, "You"), ...problems(401) },
    }),
    async (c) => {
      let person = c.get("person");
      if (person === null) {
        if (guests === "deny") return problem(c, "not_signed_in") as never;
        person = await accounts.createGuest(preferredLanguage(c));
        await rememberGuest(c, accounts, person);
      }
      return c.json(toMe(person), 200, { "Cache-Control": "no-store" });
    },
  );

  app.openapi(
    createRoute({
      method: "patch",
      path: "/api/me",
      tags: ["People"],
      summary: "Change my name",
      description: "Others see it from the next message on; what was said keeps its name.",
      request: { body: { ...json(updateMeBody, "The new name"), required: true } },
      responses: { 200: json(meBody, "You"), ...problems(400, 401) },
    }),
    async (c) => {
      const person = c.get("person");
      if (person === null) return problem(c, "not_signed_in") as never;
      const name = parsePersonName(c.req.valid("json").name);
      if (name === null) {
        return problem(c, "invalid", {
          errors: [{
            field: "name",
            message: `Must be 1 to ${PERSON_NAME_MAX_CODE_POINTS} visible characters`,
          }],
        }) as never;
      }
      const renamed = await accounts.rename(person, name);
      await chat.announceRename(renamed);
      return c.json(toMe(renamed), 200);
    },
  );
}

function toMe(person: Person) {
  return { id: person.id, name: person.name, guest: person.guest };
}
