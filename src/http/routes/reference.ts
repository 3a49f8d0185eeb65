import type { OpenAPIHono } from "@hono/zod-openapi";
import { html } from "hono/html";
import type { RequestEnvironment } from "../context.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Maru",
    version: "1",
    description: "Rooms, history and messages. The live side is the room socket, " +
      "/ws/chat/{room}/ with the subprotocol maru.v1.",
  },
} as const;

/** `/api/openapi.json`, made from the schemas that validate, and `/api/`, the same to be read. */
export function mountReference(app: OpenAPIHono<RequestEnvironment>): void {
  app.doc31("/api/openapi.json", INFO);
  app.get("/api", (c) => c.redirect("/api/"));
  app.get("/api/", (c) => {
    const document = app.getOpenAPI31Document(INFO) as unknown as ApiDocument;
    const { paths = {}, components: { schemas = {} } = {} } = document;
    const resolve: Resolve = (schema) =>
      schema?.$ref === undefined ? schema : schemas[schema.$ref.split("/").at(-1)!];
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
    );
    return c.html(html`
      <!doctype html>
      <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Maru: HTTP API</title>
        <link rel="icon" href="data:,">
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
                ${fields(
                  "Body",
                  bodyFields(
                    operation.requestBody?.content["application/json"]?.schema,
                    "body",
                    resolve,
                  ),
                )}
                <h3>Answers</h3>
                <dl>${Object.entries(operation.responses).map(([status, response]) =>
                  html`
                    <dt><code>${status}</code></dt>
                    <dd>${response.description}${answerFields(response, resolve)}</dd>
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

function bodyFields(reference: Schema | undefined, place: string, resolve: Resolve): Field[] {
  const schema = resolve(reference);
  return Object.entries(schema?.properties ?? {}).map((
    [name, property],
  ) => [name, place, schema?.required?.includes(name), property]);
}

/** The fields of an answer by name, or nothing for a problem, which is told above. */
function answerFields(response: ApiResponse, resolve: Resolve): string {
  const schema = resolve(response.content?.["application/json"]?.schema);
  const names = Object.keys(schema?.properties ?? {});
  return names.length === 0 ? "" : `: ${names.join(", ")}`;
}

function describe(place: string, required: boolean | undefined, schema: Schema): string {
  return [
    place,
    schema.format ?? [schema.type ?? "object"].flat().join(" or "),
    range(schema),
    required ? "required" : "optional",
    schema.default === undefined ? "" : `default ${schema.default}`,
    schema.description ?? "",
  ].filter((part) => part !== "").join(" · ");
}

function range({ minimum, maximum }: Schema): string {
  if (minimum === undefined && maximum === undefined) return "";
  if (maximum === undefined) return `from ${minimum}`;
  return `${minimum} to ${maximum}`;
}

type Resolve = (schema: Schema | undefined) => Schema | undefined;

interface ApiDocument {
  readonly paths?: Record<string, Record<string, Operation>>;
  readonly components?: { readonly schemas?: Record<string, Schema> };
}

interface ApiResponse {
  readonly description: string;
  readonly content?: Record<string, { readonly schema: Schema } | undefined>;
}

interface Schema {
  readonly $ref?: string;
  readonly minimum?: number;
  readonly maximum?: number;
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
  readonly responses: Record<string, ApiResponse>;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding-top: .5rem; }
h1 { line-height: 1.2; } h2 { font-size: 1.1rem; overflow-wrap: anywhere; } h3 { font-size: .9rem; margin: .8rem 0 .2rem; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .2rem 1rem; margin: 0; } dd { margin: 0; }
`;
