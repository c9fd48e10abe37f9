/**
 * What the operations of `/openapi.json` are written with.
 *
 * @module
 */
import { ref, type Schema } from "./openapi_schemas.ts";

/** One method of one path. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

/** What a path, a query or a header gives. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

/** Schemas by media type. */
export type Content = Readonly<Record<string, { readonly schema: Schema }>>;
/** Replies by status. */
export type Responses = Operation["responses"];

/** A JSON body. */
export const json = (schema: Schema): Content => ({ "application/json": { schema } });
/** One reply. */
export const reply = (status: number, description: string, schema: Schema): Responses => ({
  [status]: { description, content: json(schema) },
});
/** Replies with the router's error object, by status. */
export const errors = (descriptions: Readonly<Record<number, string>>): Responses =>
  Object.fromEntries(
    Object.entries(descriptions).map((
      [status, description],
    ) => [status, { description, content: json(ref("Error")) }]),
  );
/** A request body. */
export const body = (schema: Schema, required = true) => ({ required, content: json(schema) });
/** A parameter of the query. */
export const query = (name: string, schema: Schema): Parameter => ({
  name,
  in: "query",
  required: false,
  schema,
});
/** The session whose samples a prompt may continue. */
export const SESSION_HEADER: Parameter = {
  name: "x-session-id",
  in: "header",
  required: false,
  description: "Only this session's samples continue its prompts (also: x-smg-routing-key)",
  schema: { type: "string" },
};
/** A reply of 200 that is an object, or streams where the request asks for it. */
export const streamable = (description: string): Responses => ({
  200: {
    description,
    content: { ...json({ type: "object" }), "text/event-stream": { schema: { type: "string" } } },
  },
});
/** Of a reply of 413. */
export const TOO_LARGE = "The body is larger than allowed";
