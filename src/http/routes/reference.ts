import type { OpenAPIHono } from "@hono/zod-openapi";
import { html } from "hono/html";
import type { RequestEnvironment } from "../context.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Maru",
    version: "1",
    description: "Rooms, history and messages. The live side is the room socket, " +
      "`/ws/chat/{room}/` with the subprotocol `maru.v1`.",
  },
} as const;

/** `/api/openapi.json`, made from the schemas that validate, and `/api/`, the same to be read. */
export function mountReference(app: OpenAPIHono<RequestEnvironment>): void {
  app.doc31("/api/openapi.json", INFO);
  app.get("/api", (c) => c.redirect("/api/"));
  app.get("/api/", (c) => {
    const { paths = {} } = app.getOpenAPI31Document(INFO) as unknown as { paths?: Paths };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
    );
    return c.html(html`
      <!doctype html>
      <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Maru: HTTP API</title>
        <link rel="stylesheet" href="/api/reference.css">
        <main>
      <h1>HTTP API</h1>
      <p>${INFO.info
        .description} The same as a machine reads it: <a href="/api/openapi.json">openapi.json</a>.
      Every refusal is a <a href="https://www.rfc-editor.org/rfc/rfc9457">problem</a> with a <code>code</code>.</p>
      ${operations.map(({ path, method, operation }) =>
        html`
          <section>
          <h2><code><b>${method.toUpperCase()}</b> ${path}</code></h2>
          <p><strong>${operation.summary}.</strong> ${operation.description ?? ""}</p>
          ${fields(
            "Parameters",
            (operation.parameters ?? []).map((p) => [p.name, p.in, p.required, p.schema]),
          )}
          ${fields("Body", bodyFields(operation.requestBody))}
          <h3>Answers</h3>
          <dl>${Object.entries(operation.responses).map(([status, response]) =>
            html`
              <dt><code>${status}</code></dt>
              <dd>${response.description}</dd>
            `
          )}</dl>
          </section>
        `
      )}
        </main>
      </html>
    `);
  });
  app.get("/api/reference.css", (c) => c.body(STYLE, 200, { "Content-Type": "text/css" }));
}

type Field = [name: string, place: string, required: boolean | undefined, schema: Schema];

function fields(title: string, rows: Field[]) {
  if (rows.length === 0) return "";
  return html`
    <h3>${title}</h3>
    <dl>${rows.map(([name, place, required, schema]) =>
      html`
        <dt><code>${name}</code></dt>
        <dd>${describe(place, required, schema)}</dd>
      `
    )}</dl>
  `;
}

function bodyFields(body: Operation["requestBody"]): Field[] {
  const schema = body?.content["application/json"]?.schema;
  return Object.entries(schema?.properties ?? {}).map((
    [name, property],
  ) => [name, "body", schema?.required?.includes(name), property]);
}

function describe(place: string, required: boolean | undefined, schema: Schema): string {
  return [
    place,
    schema.format ?? [schema.type].flat().join(" or "),
    required ? "required" : "optional",
    schema.default === undefined ? "" : `default ${schema.default}`,
    schema.description ?? "",
  ].filter((part) => part !== "").join(" · ");
}

interface Schema {
  readonly type?: string | string[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Record<string, Schema>;
  readonly required?: string[];
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema } | undefined> };
  readonly responses: Record<string, { description: string }>;
}

type Paths = Record<string, Record<string, Operation>>;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding-top: .5rem; }
h1 { line-height: 1.2; } h2 { font-size: 1.1rem; overflow-wrap: anywhere; } h3 { font-size: .9rem; margin: .8rem 0 .2rem; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .2rem 1rem; margin: 0; } dd { margin: 0; }
`;
