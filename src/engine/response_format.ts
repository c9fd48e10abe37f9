/**
 * OpenAI's `response_format`, told apart for engines that take a grammar.
 *
 * @module
 */
import { BadRequestError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import { asObject, asString, brief } from "./json_fields.ts";

/** What the output has to look like. */
export type OutputFormat =
  | { readonly kind: "text" }
  | { readonly kind: "object" }
  | { readonly kind: "schema"; readonly schema: JsonObject }
  | { readonly kind: "structural_tag"; readonly tag: JsonObject };

/**
 * Reads a `response_format`.
 *
 * @throws {BadRequestError} for a type that is not known, or a schema that is none
 */
export function readResponseFormat(value: JsonValue | undefined): OutputFormat {
  if (value === undefined || value === null) return { kind: "text" };
  const format = asObject(value);
  switch (asString(format?.type)) {
    case "text":
      return { kind: "text" };
    case "json_object":
      return { kind: "object" };
    case "json_schema": {
      const schema = asObject(asObject(format?.json_schema)?.schema);
      if (schema === null) throw refusal("json_schema.schema must be an object", value);
      return { kind: "schema", schema };
    }
    case "structural_tag":
      return { kind: "structural_tag", tag: format as JsonObject };
  }
  throw refusal("type must be text, json_object, json_schema or structural_tag", value);
}

function refusal(rule: string, value: JsonValue): BadRequestError {
  return new BadRequestError(`Cannot encode request: response_format.${rule}, received ${brief(value)}`);
}
